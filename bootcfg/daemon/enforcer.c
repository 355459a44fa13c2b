#include "bootcfg/daemon/enforcer.h"
