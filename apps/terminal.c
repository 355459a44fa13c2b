#include "apps/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

unsigned terminal_width(void)
{
	struct winsize size;
	if (isatty(STDOUT_FILENO) != 1 || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0)
		return 0;
	return size.ws_col;
}
