#include "bootcfg/daemon/control.h"
