/* What the functions of queries share: their arguments and results. */
#ifndef CORDON_LOGPARSE_QUERY_ARGUMENT_H
#define CORDON_LOGPARSE_QUERY_ARGUMENT_H

#include <sqlite3.h>

#include "core/base/buffer.h"
#include "core/base/cursor.h"
#include "logparse/query/stamp.h"

enum { RESULT_MOST = 16 << 20 };

struct call {
	sqlite3_context *context;
	sqlite3_value **values;
	int count;
	uint64_t now;             /* FILETIME */
	struct sequence *sequence; /* of HASHSEQ */
};

struct cursor argument_text(const struct call *call, int i);
void result_give_text(const struct call *call, struct cursor text);
void result_give_buffer(const struct call *call, struct buffer *text);
void result_give_stamp(const struct call *call, const struct stamp *stamp);
bool argument_stamp(const struct call *call, int i, struct stamp *ret_stamp);
bool argument_is_real(const struct call *call, int i);
bool argument_is_number(const struct call *call, int i);

/* What HASHSEQ has seen. */
struct sequence *sequence_new(void);
void sequence_free(void *sequence);

/* Without a result it is NULL.  One of texts (function_text.c, function_code.c), numbers and times (function_number.c). */
void substr_call(const struct call *call);
void strlen_call(const struct call *call);
void strcat_call(const struct call *call);
void upper_call(const struct call *call);
void lower_call(const struct call *call);
void strrev_call(const struct call *call);
void strrepeat_call(const struct call *call);
void index_of_call(const struct call *call);
void last_index_of_call(const struct call *call);
void strcnt_call(const struct call *call);
void replace_str_call(const struct call *call);
void replace_chr_call(const struct call *call);
void extract_token_call(const struct call *call);
void extract_prefix_call(const struct call *call);
void extract_suffix_call(const struct call *call);
void extract_value_call(const struct call *call);
void extract_filename_call(const struct call *call);
void extract_path_call(const struct call *call);
void extract_extension_call(const struct call *call);
void resolve_call(const struct call *call);
void add_call(const struct call *call);
void sub_call(const struct call *call);
void mul_call(const struct call *call);
void div_call(const struct call *call);
void mod_call(const struct call *call);
void quantize_call(const struct call *call);
void to_date_call(const struct call *call);
void to_time_call(const struct call *call);
void to_timestamp_call(const struct call *call);
void to_string_call(const struct call *call);
void to_localtime_call(const struct call *call);
void to_utctime_call(const struct call *call);
void to_int_call(const struct call *call);
void to_real_call(const struct call *call);
void to_hex_call(const struct call *call);
void hex_to_int_call(const struct call *call);
void bit_and_call(const struct call *call);
void bit_or_call(const struct call *call);
void bit_xor_call(const struct call *call);
void system_timestamp_call(const struct call *call);
void system_date_call(const struct call *call);
void system_time_call(const struct call *call);
void ipv4_to_int_call(const struct call *call);
void int_to_ipv4_call(const struct call *call);
void in_network_call(const struct call *call);
void urlescape_call(const struct call *call);
void urlunescape_call(const struct call *call);
void hex_to_asc_call(const struct call *call);
void hex_to_print_call(const struct call *call);
void hex_to_hex8_call(const struct call *call);
void hex_to_hex16_call(const struct call *call);
void hex_to_hex32_call(const struct call *call);
void rot13_call(const struct call *call);
void hashseq_call(const struct call *call);
void bit_not_call(const struct call *call);
void bit_shl_call(const struct call *call);
void bit_shr_call(const struct call *call);
void sqr_call(const struct call *call);
void sqrroot_call(const struct call *call);
void log_call(const struct call *call);
void log10_call(const struct call *call);
void exp_call(const struct call *call);
void exp10_call(const struct call *call);
void floor_call(const struct call *call);
void ceil_call(const struct call *call);
void computer_name_call(const struct call *call);
void system_utcoffset_call(const struct call *call);

#endif
