#include "tests/bootproof/machine.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/attr.h"

static void machine_exec(const struct machine_options *options, int console)
{
	char disk[1200], netdev[200];
	snprintf(disk, sizeof(disk), "file=%s,if=virtio,format=raw,cache=writeback", options->disk);
	snprintf(netdev, sizeof(netdev), "tap,id=net,ifname=%s,script=no,downscript=no", options->tap);
	const char *arguments[] = {
		"qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
		"-machine", "q35", "-accel", "tcg", "-cpu", "max", "-smp", "1", "-m", options->memory,
		"-kernel", options->kernel, "-initrd", options->initrd, "-append", options->append, "-drive", disk,
		"-netdev", netdev, "-device", "virtio-net-pci,netdev=net,mac=52:54:00:12:34:56,romfile=",
		"-device", "virtio-rng-pci", "-serial", "stdio", NULL,
	};
	int nothing = open("/dev/null", O_RDONLY);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() == 1 || nothing < 0)
		_exit(126);
	(void)setpriority(PRIO_PROCESS, 0, 0);
	dup2(nothing, STDIN_FILENO);
	dup2(console, STDOUT_FILENO);
	dup2(console, STDERR_FILENO);
	execvp(arguments[0], (char *const *)(uintptr_t)arguments);
	dprintf(STDERR_FILENO, "outside: %s: %s\n", arguments[0], strerror(errno));
	_exit(127);
}

int machine_start(struct machine *machine, const struct machine_options *options)
{
	int ends[2];
	*machine = (struct machine){.pid = -1, .console = -1};
	if (pipe2(ends, O_CLOEXEC) != 0)
		return -errno;
	machine->pid = fork();
	if (machine->pid == 0)
		machine_exec(options, ends[1]);
	int error = machine->pid < 0 ? -errno : 0;
	close(ends[1]);
	machine->console = ends[0];
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	return error;
}

static void line_end(struct machine *machine, void (*take)(const char *line, void *context), void *context)
{
	machine->line[machine->length] = '\0';
	if (machine->length > 0)
		take(machine->line, context);
	machine->length = 0;
}

int machine_read(struct machine *machine, void (*take)(const char *line, void *context), void *context)
{
	char bytes[4096];
	for (;;) {
		ssize_t length = read(machine->console, bytes, sizeof(bytes));
		if (length == 0)
			line_end(machine, take, context);
		if (length <= 0)
			return length < 0 && errno == EAGAIN;
		for (ssize_t i = 0; i < length; i++) {
			if (bytes[i] == '\n' || machine->length + 1 == CONSOLE_LINE)
				line_end(machine, take, context);
			else if (((unsigned char)bytes[i] >= ' ' && bytes[i] != 127) || bytes[i] == '\t')
				machine->line[machine->length++] = bytes[i] == '\t' ? ' ' : bytes[i];
		}
	}
}

void machine_cut(struct machine *machine)
{
	if (machine->pid > 0) {
		kill(machine->pid, SIGKILL);
		while (waitpid(machine->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	if (machine->console >= 0)
		close(machine->console);
	machine->pid = machine->console = -1;
}
