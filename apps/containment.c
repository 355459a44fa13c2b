#include "apps/containment.h"
