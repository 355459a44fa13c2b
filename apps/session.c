#include "apps/session.h"
