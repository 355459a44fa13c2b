/* cordond: the service.  What it does is in bootcfg/daemon/service.c; here are its command line and its going into the
 * background. */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bootcfg/daemon/notice.h"
#include "bootcfg/daemon/notify.h"
#include "bootcfg/daemon/service.h"
#include "core/base/arena.h"
#include "core/base/cursor.h"
#include "core/base/error.h"

struct wish {
	bool foreground, check, help, version;
	const char *config;
};

static const struct {
	const char *name, *argument, *help;
	size_t offset; /* of a bool in struct wish; the one with an argument is config */
} options[] = {
	{"--foreground", NULL, "stay in the foreground, and say on standard error what happens", offsetof(struct wish, foreground)},
	{"--check", NULL, "check the configuration and the store, print what would be done, and end; needs no rights",
	 offsetof(struct wish, check)},
	{"--config", "FILE", "read this configuration instead of " SETTINGS_FILE, 0},
	{"--help", NULL, "print this, and end", offsetof(struct wish, help)},
	{"--version", NULL, "print the version, and end", offsetof(struct wish, version)},
};

static const char help_before[] =
	"Usage: cordond [--foreground] [--check] [--config FILE]\n\n"
	"The service of Cordon: keeps the kernel's rules as the store says, follows the addresses and servers of\n"
	"this machine, puts back what others change, and logs what is dropped. Needs root.\n\n";

static const char help_after[] =
	"\nWithout --foreground it goes into the background once the rules are in force, unless systemd has started\n"
	"it. SIGHUP makes it look at the store; SIGTERM ends it. Whatever ends it, the kernel's rules stand: only\n"
	"cordon lift takes them away.\n\n"
	"Exit codes: 0 done; 2 bad input; 3 the system refused, or another cordond runs; 4 a bug in Cordon.\n\n"
	"Examples:\n"
	"  cordond --check\n"
	"      says what would be applied at the next start, as any user\n"
	"  cordond --foreground --config /etc/cordon/test.json\n"
	"      runs with another configuration, and prints what happens\n";

static void help_print(struct buffer *output)
{
	buffer_add_text(output, help_before);
	for (size_t i = 0; i < ARRAY_LENGTH(options); i++)
		buffer_printf(output, "  %s %-*s  %s\n", options[i].name, 17 - (int)strlen(options[i].name),
			      options[i].argument != NULL ? options[i].argument : "", options[i].help);
	buffer_add_text(output, help_after);
}

static int option_refuse(const char *word, struct diag *diag)
{
	const char *names[ARRAY_LENGTH(options) + 1] = {NULL};
	for (size_t i = 0; i < ARRAY_LENGTH(options); i++)
		names[i] = options[i].name;
	const char *nearest = word_nearest(word, strlen(word), names);
	diag_error(diag, NULL, "cordond has no %s%s%s%s; see cordond --help", QUOTE(word), nearest != NULL ? "; did you mean " : "",
		   nearest != NULL ? nearest : "", nearest != NULL ? "?" : "");
	return ERROR_INPUT;
}

/* One word, and with --config FILE the next one; --config=FILE too. */
static int word_take(struct wish *wish, char **words, int *at, struct diag *diag)
{
	static const char config[] = "--config";
	const char *word = words[*at];
	if (strncmp(word, config, sizeof config - 1) == 0 && (word[sizeof config - 1] == '\0' || word[sizeof config - 1] == '=')) {
		wish->config = word[sizeof config - 1] == '=' ? word + sizeof config : words[++*at];
		if (wish->config != NULL && wish->config[0] != '\0')
			return 0;
		diag_error(diag, NULL, "--config needs a FILE");
		return ERROR_INPUT;
	}
	if (strcmp(word, "-h") == 0)
		word = "--help";
	for (size_t i = 0; i < ARRAY_LENGTH(options); i++) {
		if (options[i].argument == NULL && strcmp(options[i].name, word) == 0) {
			*(bool *)((char *)wish + options[i].offset) = true;
			return 0;
		}
	}
	return option_refuse(word, diag);
}

/* --- Into the background: the first process waits until the second has decided, and ends as it did --- */

static int ready_pipe = -1;

static void background_ready(void *context)
{
	(void)context;
	if (ready_pipe < 0)
		return;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	notice_background();
	for (int fd = STDIN_FILENO; null >= 0 && fd <= STDERR_FILENO; fd++)
		(void)dup2(null, fd);
	if (null > STDERR_FILENO)
		(void)close(null);
	/* Nobody reads it when the first process was killed: then nobody waits. */
	ssize_t written = write(ready_pipe, "", 1);
	(void)written;
	(void)close(ready_pipe);
	ready_pipe = -1;
}

/* In the first process: the exit code. */
static int ready_wait(int pipe_end, pid_t child)
{
	char byte;
	int status = 0;
	ssize_t length;
	do
		length = read(pipe_end, &byte, 1);
	while (length < 0 && errno == EINTR);
	if (length == 1)
		return EXIT_DONE;
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_BUG;
}

/* -1: this is the process that goes on; otherwise an exit code. */
static int background_begin(struct diag *diag)
{
	int ends[2];
	pid_t child = pipe2(ends, O_CLOEXEC) == 0 ? fork() : -1;
	if (child < 0) {
		diag_error(diag, NULL, "no process in the background: %s", strerror(errno));
		return EXIT_SYSTEM;
	}
	if (child > 0) {
		(void)close(ends[1]);
		return ready_wait(ends[0], child);
	}
	(void)close(ends[0]);
	ready_pipe = ends[1];
	(void)setsid();
	return chdir("/") == 0 ? -1 : EXIT_SYSTEM;
}

/* --- --- */

static int run(const struct wish *wish, const struct settings *settings, struct diag *diag)
{
	if (geteuid() != 0) {
		diag_error(diag, NULL, "cordond needs root (cordond --check does not)");
		return EXIT_SYSTEM;
	}
	int code = wish->foreground || notify_wanted() ? -1 : background_begin(diag);
	return code >= 0 ? code : error_exit(service_run(settings, background_ready, NULL, diag));
}

static int wish_do(const struct wish *wish, struct diag *diag, struct buffer *output)
{
	if (wish->help) {
		help_print(output);
		return EXIT_DONE;
	}
	if (wish->version) {
		buffer_add_text(output, "cordond " CORDON_VERSION "\n");
		return EXIT_DONE;
	}
	struct arena *arena = arena_new();
	struct settings settings;
	int error = settings_load(wish->config, arena, diag, &settings);
	int code = error_exit(error);
	if (error == 0 && wish->check)
		code = error_exit(service_check(&settings, diag, output));
	else if (error == 0)
		code = run(wish, &settings, diag);
	arena_free(arena);
	return code;
}

static void descriptors_check(void)
{
	int descriptor;
	/* A closed one would be given to the next file that is opened, and a message written into that. */
	do
		descriptor = open("/dev/null", O_RDWR);
	while (descriptor >= 0 && descriptor <= STDERR_FILENO);
	/* What the starter left open is none of ours, and would be our children's too. */
	(void)close_range(STDERR_FILENO + 1, ~0u, 0);
}

int main(int argc, char **argv)
{
	if (argc >= 2 && strcmp(argv[1], "--child") == 0)
		return service_child((size_t)argc - 2, argv + 2);
	struct wish wish = {0};
	struct diag diag;
	struct buffer output;
	descriptors_check();
	notice_open("cordond");
	diag_init(&diag);
	buffer_init(&output, 1u << 20);
	int error = 0;
	for (int i = 1; i < argc && error == 0; i++)
		error = word_take(&wish, argv, &i, &diag);
	int code = error != 0 ? error_exit(error) : wish_do(&wish, &diag, &output);
	if ((fputs(buffer_text(&output), stdout) < 0 || fflush(stdout) != 0) && code == EXIT_DONE) {
		diag_error(&diag, NULL, "standard output cannot be written: %s", strerror(errno));
		code = EXIT_SYSTEM;
	}
	notice_diag(&diag);
	buffer_done(&output);
	diag_done(&diag);
	return code;
}
