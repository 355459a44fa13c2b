#include "bootcfg/daemon/message.h"
