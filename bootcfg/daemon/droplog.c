#include "bootcfg/daemon/droplog.h"
