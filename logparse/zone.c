#include "logparse/zone.h"

#include "core/base/cursor.h"

bool zone_parse(const char *text, int32_t *ret_minutes)
{
	uint64_t hours, minutes = 0;
	if (ascii_equal(text, "UTC") || ascii_equal(text, "Z")) {
		*ret_minutes = 0;
		return true;
	}
	size_t length = strlen(text), colon = length == 6 && text[3] == ':';
	if ((*text != '+' && *text != '-') || (length != 3 && length != 5 && colon == 0) || !number_parse(text + 1, 2, 14, &hours) ||
	    (length > 3 && !number_parse(text + 3 + colon, 2, 59, &minutes)))
		return false;
	*ret_minutes = (int32_t)(hours * 60 + minutes) * (*text == '-' ? -1 : 1);
	return true;
}
