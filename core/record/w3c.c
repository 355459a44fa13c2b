#include "core/record/w3c.h"
