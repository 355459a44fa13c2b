#include "bootcfg/contain/probe.h"
