#include "bootcfg/daemon/collector.h"
