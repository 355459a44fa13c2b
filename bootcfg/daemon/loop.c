#include "bootcfg/daemon/loop.h"
