// Functions the library exports; everything else is hidden.
#pragma once

#define ANE_SIM_EXPORT __attribute__((visibility("default")))
