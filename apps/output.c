/* What a command has found goes to stdout, what it has to say to stderr.  Here and nowhere else. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "apps/command.h"
#include "apps/file.h"

/* A reader that has gone away has what it wanted: that is no error. */
static void output_write(struct invocation *invocation)
{
	struct buffer *output = invocation->output;
	if (output->full) {
		diag_error(invocation->diag, NULL, "the output is larger than %zu bytes, the limit", output->maximum);
		invocation->failed = true;
	} else if (!invocation->closed && !invocation->failed) {
		int error = descriptor_write(STDOUT_FILENO, buffer_text(output), output->length);
		invocation->closed = error == EPIPE;
		invocation->failed = error != 0 && error != EPIPE;
		if (invocation->failed)
			diag_error(invocation->diag, NULL, "standard output cannot be written: %s", strerror(error));
	}
	buffer_clear(output);
}

bool invocation_flush(struct invocation *invocation)
{
	output_write(invocation);
	struct buffer text;
	buffer_init(&text, 16u << 20);
	diag_render(invocation->diag, 0, invocation->render, &text);
	(void)descriptor_write(STDERR_FILENO, buffer_text(&text), text.length);
	buffer_done(&text);
	diag_clear(invocation->diag);
	return !invocation->closed && !invocation->failed;
}
