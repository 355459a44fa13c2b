#include "bootcfg/boot/bootfile.h"
