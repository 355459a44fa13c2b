#include "bootcfg/target/nftables_commands.h"

#include <errno.h>
#include <nftables/libnftables.h>
#include <stdlib.h>
#include <string.h>

#include "bootcfg/target/nftables_channel.h"
#include "core/base/attr.h"
#include "core/base/cursor.h"
#include "core/base/error.h"
#include "core/base/memory.h"

/* Bytes of text in one transaction: more costs memory, less makes libnftables read its cache more often. */
enum { TEXT_MOST = 512 << 10, TEXT_EXPANDS = 4 };

static const struct {
	const char *words;
	int error;
} refusals[] = {
	{"Operation not permitted", -EPERM},
	{"No such file or directory", -ENOENT},
	{"File exists", -EEXIST},
	{"Device or resource busy", -EBUSY},
	{"Operation not supported", -EOPNOTSUPP},
	{"Protocol not supported", -EPROTONOSUPPORT},
};

/* "FILE:LINE:COLUMNS: Error: WORDS", then the line itself, then carets. */
static int refusal_report(const char *output, struct diag *diag)
{
	static const char mark[] = "Error: ";
	const char *words = strstr(output, mark);
	words = words != NULL ? words + strlen(mark) : output;
	size_t length = strcspn(words, "\n");
	const char *line = words[length] == '\n' ? words + length + 1 : "";
	int error = -EIO;
	for (size_t i = 0; i < ARRAY_LENGTH(refusals) && error == -EIO; i++) {
		const char *found = strstr(words, refusals[i].words);
		if (found != NULL && found < words + length)
			error = refusals[i].error;
	}
	size_t line_length = strcspn(line, "\n");
	diag_error(diag, NULL, "the kernel refuses the new rules: %.*s%s%s%s%s", (int)length, words,
		   line_length > 0 ? "; in " : "", line_length > 0 ? QUOTE_N(line, line_length) : "",
		   error == -EOPNOTSUPP || error == -EPROTONOSUPPORT ? ": " : "",
		   error == -EOPNOTSUPP || error == -EPROTONOSUPPORT ? channel_explain(error) : "");
	return error;
}

int commands_run(const char *text, struct diag *diag)
{
	int error = channel_send_fault();
	if (error < 0) {
		diag_error(diag, NULL, "cannot send the new rules to the kernel: %s", channel_explain(error));
		return error;
	}
	struct nft_ctx *nft = nft_ctx_new(NFT_CTX_DEFAULT);
	if (nft == NULL) {
		diag_error(diag, NULL, "cannot start libnftables: out of memory or sockets");
		return -ENOMEM;
	}
	if (nft_ctx_buffer_output(nft) != 0 || nft_ctx_buffer_error(nft) != 0) {
		diag_error(diag, NULL, "cannot start libnftables: out of memory");
		error = -ENOMEM;
	} else if (nft_run_cmd_from_buffer(nft, text) != 0) {
		error = refusal_report(nft_ctx_get_error_buffer(nft), diag);
	}
	nft_ctx_free(nft);
	return error;
}

int commands_stage(const char *text, size_t length, size_t room, struct diag *diag)
{
	/* As messages it is two to three times as long, short lines more. */
	size_t most = room / TEXT_EXPANDS < TEXT_MOST ? room / TEXT_EXPANDS : TEXT_MOST;
	int error = 0;
	for (size_t at = 0; at < length && error == 0;) {
		size_t end = length - at > most ? at + most : length;
		/* Whole lines: no line is longer than the least of these pieces. */
		while (end < length && end > at && text[end - 1] != '\n')
			end--;
		if (end == at) {
			diag_error(diag, NULL, "cannot send the new rules to the kernel: %s", channel_explain(-EMSGSIZE));
			return -EMSGSIZE;
		}
		char *piece = memory_text_n(text + at, end - at);
		error = commands_run(piece, diag);
		free(piece);
		at = end;
	}
	return error;
}
