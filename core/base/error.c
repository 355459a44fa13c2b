#include "core/base/error.h"

#include <stddef.h>

#include "core/base/attr.h"

static const struct {
	int error;
	int exit;
	const char *text;
} errors[] = {
	{ERROR_NONE, EXIT_DONE, "done"},
	{ERROR_INPUT, EXIT_INPUT, "bad input"},
	{ERROR_NOT_FOUND, EXIT_INPUT, "not found"},
	{ERROR_EXISTS, EXIT_INPUT, "exists already"},
	{ERROR_IN_USE, EXIT_INPUT, "in use"},
	{ERROR_LIMIT, EXIT_INPUT, "too large"},
	{ERROR_SYSTEM, EXIT_SYSTEM, "the system refused"},
	{ERROR_BUSY, EXIT_SYSTEM, "busy"},
	{ERROR_DAMAGED, EXIT_INPUT, "damaged"},
	{ERROR_BUG, EXIT_BUG, "a bug in Cordon"},
};

const char *error_text(int error)
{
	for (size_t i = 0; i < ARRAY_LENGTH(errors); i++)
		if (errors[i].error == error)
			return errors[i].text;
	return "unknown error";
}

int error_exit(int error)
{
	for (size_t i = 0; i < ARRAY_LENGTH(errors); i++)
		if (errors[i].error == error)
			return errors[i].exit;
	return EXIT_BUG;
}
