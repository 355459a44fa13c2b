#include "bootcfg/driver/driver.h"
