/* One row a function.  What is NULL stays NULL, unless the row says otherwise. */
#include "logparse/query/functions.h"

#include <stdlib.h>

#include "core/base/memory.h"
#include "logparse/query/argument.h"

/* --- Values --- */

struct cursor argument_text(const struct call *call, int i)
{
	const char *text = (const char *)sqlite3_value_text(call->values[i]);
	return text != NULL ? cursor_of(text, (size_t)sqlite3_value_bytes(call->values[i])) : cursor_text("");
}

void result_give_text(const struct call *call, struct cursor text)
{
	sqlite3_result_text64(call->context, text.at, cursor_left(&text), SQLITE_TRANSIENT, SQLITE_UTF8);
}

void result_give_buffer(const struct call *call, struct buffer *text)
{
	if (text->full)
		sqlite3_result_error_toobig(call->context);
	else
		result_give_text(call, cursor_of(buffer_text(text), text->length));
	buffer_done(text);
}

/* Nothing for what cannot be written: a year past 9999. */
void result_give_stamp(const struct call *call, const struct stamp *stamp)
{
	struct buffer text;
	buffer_init(&text, 64);
	stamp_print(stamp, &text);
	if (text.length > 0)
		result_give_text(call, cursor_of(text.data, text.length));
	buffer_done(&text);
}

bool argument_stamp(const struct call *call, int i, struct stamp *ret_stamp)
{
	return sqlite3_value_type(call->values[i]) == SQLITE_TEXT && stamp_parse(argument_text(call, i), ret_stamp);
}

bool argument_is_real(const struct call *call, int i)
{
	return sqlite3_value_numeric_type(call->values[i]) == SQLITE_FLOAT;
}

bool argument_is_number(const struct call *call, int i)
{
	int type = sqlite3_value_numeric_type(call->values[i]);
	return type == SQLITE_INTEGER || type == SQLITE_FLOAT;
}

/* --- Conditions --- */

static void replace_if_not_null_call(const struct call *call)
{
	if (sqlite3_value_type(call->values[0]) != SQLITE_NULL)
		sqlite3_result_value(call->context, call->values[1]);
}

/* --- The table --- */

struct function {
	const char *name;
	int least, most;          /* arguments */
	bool takes_null;
	void (*call)(const struct call *call);
	const char *usage;
};

static const struct function functions[] = {
	{"ADD", 2, 2, false, add_call, "ADD(a, b): numbers, or a time and seconds"},
	{"BIT_AND", 2, 2, false, bit_and_call, "BIT_AND(a, b)"},
	{"BIT_NOT", 1, 1, false, bit_not_call, "BIT_NOT(number)"},
	{"BIT_OR", 2, 2, false, bit_or_call, "BIT_OR(a, b)"},
	{"BIT_SHL", 2, 2, false, bit_shl_call, "BIT_SHL(number, bits)"},
	{"BIT_SHR", 2, 2, false, bit_shr_call, "BIT_SHR(number, bits)"},
	{"BIT_XOR", 2, 2, false, bit_xor_call, "BIT_XOR(a, b)"},
	{"CEIL", 1, 1, false, ceil_call, "CEIL(number)"},
	{"COMPUTER_NAME", 0, 0, false, computer_name_call, "COMPUTER_NAME()"},
	{"DIV", 2, 2, false, div_call, "DIV(a, b)"},
	{"EXP", 1, 1, false, exp_call, "EXP(number)"},
	{"EXP10", 1, 1, false, exp10_call, "EXP10(number)"},
	{"EXTRACT_EXTENSION", 1, 1, false, extract_extension_call, "EXTRACT_EXTENSION(path)"},
	{"EXTRACT_FILENAME", 1, 1, false, extract_filename_call, "EXTRACT_FILENAME(path)"},
	{"EXTRACT_PATH", 1, 1, false, extract_path_call, "EXTRACT_PATH(path)"},
	{"EXTRACT_PREFIX", 2, 3, false, extract_prefix_call, "EXTRACT_PREFIX(text, index [, separator])"},
	{"EXTRACT_SUFFIX", 2, 3, false, extract_suffix_call, "EXTRACT_SUFFIX(text, index [, separator])"},
	{"EXTRACT_TOKEN", 2, 3, false, extract_token_call, "EXTRACT_TOKEN(text, index [, separator])"},
	{"EXTRACT_VALUE", 2, 3, false, extract_value_call, "EXTRACT_VALUE(text, name [, separator])"},
	{"FLOOR", 1, 1, false, floor_call, "FLOOR(number)"},
	{"HASHSEQ", 1, 1, false, hashseq_call, "HASHSEQ(value)"},
	{"HEX_TO_ASC", 1, 1, false, hex_to_asc_call, "HEX_TO_ASC(hex)"},
	{"HEX_TO_HEX16", 1, 1, false, hex_to_hex16_call, "HEX_TO_HEX16(hex)"},
	{"HEX_TO_HEX32", 1, 1, false, hex_to_hex32_call, "HEX_TO_HEX32(hex)"},
	{"HEX_TO_HEX8", 1, 1, false, hex_to_hex8_call, "HEX_TO_HEX8(hex)"},
	{"HEX_TO_INT", 1, 1, false, hex_to_int_call, "HEX_TO_INT(text)"},
	{"HEX_TO_PRINT", 1, 1, false, hex_to_print_call, "HEX_TO_PRINT(hex)"},
	{"INDEX_OF", 2, 2, false, index_of_call, "INDEX_OF(text, part)"},
	{"INT_TO_IPV4", 1, 1, false, int_to_ipv4_call, "INT_TO_IPV4(number)"},
	{"IN_NETWORK", 2, 2, false, in_network_call, "IN_NETWORK(address, '192.0.2.0/24')"},
	{"IPV4_TO_INT", 1, 1, false, ipv4_to_int_call, "IPV4_TO_INT(address)"},
	{"LAST_INDEX_OF", 2, 2, false, last_index_of_call, "LAST_INDEX_OF(text, part)"},
	{"LOG", 1, 1, false, log_call, "LOG(number): the natural one"},
	{"LOG10", 1, 1, false, log10_call, "LOG10(number)"},
	{"MOD", 2, 2, false, mod_call, "MOD(a, b)"},
	{"MUL", 2, 2, false, mul_call, "MUL(a, b)"},
	{"QUANTIZE", 2, 2, false, quantize_call, "QUANTIZE(number or time, step or seconds)"},
	{"REPLACE_CHR", 3, 3, false, replace_chr_call, "REPLACE_CHR(text, characters, with)"},
	{"REPLACE_IF_NOT_NULL", 2, 2, true, replace_if_not_null_call, "REPLACE_IF_NOT_NULL(value, with)"},
	{"REPLACE_STR", 3, 3, false, replace_str_call, "REPLACE_STR(text, part, with)"},
	{"RESOLVE", 1, 1, false, resolve_call, "RESOLVE(text): %%14592 is Inbound"},
	{"ROT13", 1, 1, false, rot13_call, "ROT13(text)"},
	{"SQR", 1, 1, false, sqr_call, "SQR(number)"},
	{"SQRROOT", 1, 1, false, sqrroot_call, "SQRROOT(number)"},
	{"STRCAT", 1, 100, true, strcat_call, "STRCAT(text, text …): NULL adds nothing"},
	{"STRCNT", 2, 2, false, strcnt_call, "STRCNT(text, part)"},
	{"STRLEN", 1, 1, false, strlen_call, "STRLEN(text)"},
	{"STRREPEAT", 2, 2, false, strrepeat_call, "STRREPEAT(text, times)"},
	{"STRREV", 1, 1, false, strrev_call, "STRREV(text)"},
	{"SUB", 2, 2, false, sub_call, "SUB(a, b): numbers, a time and seconds, or two times (seconds between)"},
	{"SUBSTR", 2, 3, false, substr_call, "SUBSTR(text, start [, length]): the first character is 0"},
	{"SYSTEM_DATE", 0, 0, false, system_date_call, "SYSTEM_DATE()"},
	{"SYSTEM_TIME", 0, 0, false, system_time_call, "SYSTEM_TIME()"},
	{"SYSTEM_TIMESTAMP", 0, 0, false, system_timestamp_call, "SYSTEM_TIMESTAMP()"},
	{"SYSTEM_UTCOFFSET", 0, 0, false, system_utcoffset_call, "SYSTEM_UTCOFFSET()"},
	{"TIMESTAMP", 2, 2, false, to_timestamp_call, "TIMESTAMP('2004-01-12', 'yyyy-MM-dd')"},
	{"TO_DATE", 1, 1, false, to_date_call, "TO_DATE(time)"},
	{"TO_HEX", 1, 1, false, to_hex_call, "TO_HEX(number)"},
	{"TO_INT", 1, 1, false, to_int_call, "TO_INT(value)"},
	{"TO_LOCALTIME", 1, 1, false, to_localtime_call, "TO_LOCALTIME(time)"},
	{"TO_LOWERCASE", 1, 1, false, lower_call, "TO_LOWERCASE(text)"},
	{"TO_REAL", 1, 1, false, to_real_call, "TO_REAL(value)"},
	{"TO_STRING", 1, 2, false, to_string_call, "TO_STRING(value [, 'yyyy-MM-dd hh:mm:ss'])"},
	{"TO_TIME", 1, 1, false, to_time_call, "TO_TIME(time)"},
	{"TO_TIMESTAMP", 1, 2, false, to_timestamp_call, "TO_TIMESTAMP(date, time) or TO_TIMESTAMP(text, 'yyyy-MM-dd hh:mm:ss')"},
	{"TO_UPPERCASE", 1, 1, false, upper_call, "TO_UPPERCASE(text)"},
	{"TO_UTCTIME", 1, 1, false, to_utctime_call, "TO_UTCTIME(time)"},
	{"URLESCAPE", 1, 1, false, urlescape_call, "URLESCAPE(text)"},
	{"URLUNESCAPE", 1, 1, false, urlunescape_call, "URLUNESCAPE(text)"},
};
enum { FUNCTIONS = sizeof(functions) / sizeof(functions[0]) };

/* Rewritten before SQLite sees them. */
static const char *const rewritten[] = {"DATA", "IN_ROW_NUMBER", "PROPCOUNT", "PROPSUM"};

/* SQLite's own that only compute, those behind LIKE and GLOB among them. */
static const char *const builtins[] = {
	"abs", "avg", "ceiling", "char", "coalesce", "count", "cume_dist", "date", "datetime", "dense_rank", "first_value",
	"glob", "group_concat", "hex", "ifnull", "iif", "instr", "julianday", "lag", "last_value", "lead", "length", "like", "ln",
	"log2", "lower", "ltrim", "max", "min", "nth_value", "ntile", "nullif", "percent_rank", "pow", "power", "rank", "replace", "round",
	"row_number", "rtrim", "sign", "sqrt", "strftime", "substring", "sum", "time", "total", "trim", "trunc", "typeof", "unicode", "unixepoch",
	"upper",
};

struct bound {
	uint64_t now;
	const struct function *function;
	struct sequence *sequence;
};

static void bound_free(void *context)
{
	struct bound *bound = context;
	if (bound->sequence != NULL)
		sequence_free(bound->sequence);
	free(bound);
}

static void function_run(sqlite3_context *context, int count, sqlite3_value **values)
{
	const struct bound *bound = sqlite3_user_data(context);
	const struct call call = {context, values, count, bound->now, bound->sequence};
	if (count < bound->function->least || count > bound->function->most) {
		sqlite3_result_error(context, bound->function->usage, -1);
		return;
	}
	for (int i = 0; i < count && !bound->function->takes_null; i++)
		if (sqlite3_value_type(values[i]) == SQLITE_NULL)
			return;
	bound->function->call(&call);
}

static int function_make(sqlite3 *db, const struct function *function, uint64_t now)
{
	enum { FEW = 4 };
	bool many = function->most > FEW;
	int code = SQLITE_OK;
	for (int count = function->least; count <= (many ? function->least : function->most) && code == SQLITE_OK; count++) {
		struct bound *bound = memory_alloc(sizeof(*bound));
		bool counts = function->call == hashseq_call;
		*bound = (struct bound){now, function, counts ? sequence_new() : NULL};
		code = sqlite3_create_function_v2(db, function->name, many ? -1 : count, SQLITE_UTF8 | (counts ? 0 : SQLITE_DETERMINISTIC) | SQLITE_INNOCUOUS,
						  bound, function_run, NULL, NULL, bound_free);
	}
	return code;
}

int functions_make(sqlite3 *db, uint64_t now)
{
	int code = SQLITE_OK;
	for (size_t i = 0; i < FUNCTIONS && code == SQLITE_OK; i++)
		code = function_make(db, &functions[i], now);
	return code;
}

static const struct function *function_find(const char *name, size_t length)
{
	for (size_t i = 0; i < FUNCTIONS; i++)
		if (ascii_equal_n(name, length, functions[i].name))
			return &functions[i];
	return NULL;
}

bool function_ours(const char *name, size_t length)
{
	return function_find(name, length) != NULL;
}

bool function_allowed(const char *name)
{
	for (size_t i = 0; i < sizeof(builtins) / sizeof(builtins[0]); i++)
		if (ascii_equal(name, builtins[i]))
			return true;
	return function_ours(name, strlen(name));
}

const char *function_usage(const char *name, size_t length)
{
	const struct function *function = function_find(name, length);
	return function != NULL ? function->usage : NULL;
}

const char *function_nearest(const char *name, size_t length)
{
	enum { REWRITTEN = sizeof(rewritten) / sizeof(rewritten[0]), BUILTINS = sizeof(builtins) / sizeof(builtins[0]) };
	const char *names[FUNCTIONS + REWRITTEN + BUILTINS + 1];
	size_t count = 0;
	for (size_t i = 0; i < FUNCTIONS; i++)
		names[count++] = functions[i].name;
	for (size_t i = 0; i < REWRITTEN; i++)
		names[count++] = rewritten[i];
	for (size_t i = 0; i < BUILTINS; i++)
		names[count++] = builtins[i];
	names[count] = NULL;
	return word_nearest(name, length, names);
}

const char *function_absent(const char *name, size_t length)
{
	static const char *const absent[][2] = {
		{"REVERSEDNS", "a name server would hear what is being looked at"}, {"RESOLVE_SID", "only the machine that the SID is of knows its name"},
		{"WIN32_ERROR_DESCRIPTION", "the texts are those of Windows: net helpmsg says them there"}, {"GROUPING", "nor is WITH ROLLUP"},
		{"OUT_ROW_NUMBER", "ROW_NUMBER() OVER (ORDER BY …) is it"}, {"HASHMD5_FILE", "a query reads logs only"}, {"FILE_VERSION", "a query reads logs only"},
		{"STRWIDTH", "STRLEN counts characters"},
	};
	for (size_t i = 0; i < sizeof(absent) / sizeof(absent[0]); i++)
		if (ascii_equal_n(name, length, absent[i][0]))
			return absent[i][1];
	return NULL;
}

const char *function_name(size_t index)
{
	if (index < FUNCTIONS)
		return functions[index].name;
	return index - FUNCTIONS < sizeof(rewritten) / sizeof(rewritten[0]) ? rewritten[index - FUNCTIONS] : NULL;
}
