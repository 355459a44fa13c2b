#include "bootcfg/contain/ruletable.h"
