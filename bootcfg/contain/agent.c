#include "bootcfg/contain/agent.h"
