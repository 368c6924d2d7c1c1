/* Settings, from the environment: one table, settings.def, feeds the struct,
 * the parsing, --help and the check against deploy/env.example. */
#ifndef BIRDCAR_SETTINGS_H
#define BIRDCAR_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* TEXT: UTF-8 of least to most bytes.
 * SECRET: the same, or, where it is empty, what stands in the file that the
 * variable with _FILE behind the name names; the file is its owner's alone.
 * LANGUAGE: its tag, like nl-NL.
 * URL: http:// or https://; the field has no slash at its end.
 * NUMBER: a whole number from least to most.
 * HOURS: hours from least to most, fractions too; the field is in
 * milliseconds. Where least is -1, `never` is taken and is -1.
 * SWITCH: on or off. */
#define SETTING_TYPE_TEXT const char *
#define SETTING_TYPE_SECRET const char *
#define SETTING_TYPE_LANGUAGE const char *
#define SETTING_TYPE_URL const char *
#define SETTING_TYPE_NUMBER int64_t
#define SETTING_TYPE_HOURS int64_t
#define SETTING_TYPE_SWITCH bool

struct settings {
#define SETTING(kind, field, name, otherwise, least, most, who, help)          \
    SETTING_TYPE_##kind field;
#include "shared/settings.def"
#undef SETTING
};

/* Reads the environment; what is unset or empty takes its default. Texts are
 * borrowed from the environment, URLs and what came from files are kept until
 * the next call. Files are read of the settings of `service` alone (NULL: of
 * all). False: `why` (of `room` bytes) names the setting and what is wrong with
 * it; no value is repeated, as it may be a secret. */
bool settings_read(struct settings *settings, const char *service, char *why,
                   size_t room);

/* The settings that `service` reads, as a table for --help. */
void settings_help(FILE *out, const char *service);

#endif
