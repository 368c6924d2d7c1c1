/* Reads the fields of an act: there or not, and of the right kind; what a
 * value means is the services' business. Each returns false, and the task has
 * its problem with the field's name. */
#ifndef BIRDCAR_GATEWAY_FIELDS_H
#define BIRDCAR_GATEWAY_FIELDS_H

#include "gateway/acts.h"

enum { LIST_LIMIT = 50, LIST_LIMIT_MOST = 200 };

/* `name` is a literal. */
bool field_refuse(struct errand *e, enum problem_code code, const char *name);

/* Text of more than white space. */
bool field_text(struct errand *e, const char *name, struct str *out);
/* The same, left empty where it is not there or null; in a form, also where
 * nothing was typed. */
bool field_text_if_any(struct errand *e, const char *name, struct str *out);
/* The same; `*given`: it is there, and may be empty, or null. */
bool field_text_or_none(struct errand *e, const char *name, bool *given,
                        struct str *out);
/* A whole number, also as digits. */
bool field_id(struct errand *e, const char *name, int64_t *out);
/* The same, of 0 or more; `*given`: it is there. -1: it is null; in a form,
 * also where nothing was typed. */
bool field_count_or_none(struct errand *e, const char *name, bool *is_given,
                         int64_t *out);
/* 0 where it is not there. */
bool field_id_if_any(struct errand *e, const char *name, int64_t *out);
/* Hours, fractions too, as milliseconds; `never`, where it may be, as -1.
 * Untouched where it is not there or null. */
enum { FIELD_NOT_GIVEN = -2 };
bool field_hours_if_any(struct errand *e, const char *name, bool may_be_never,
                        int64_t *out);
/* A point in time; never 0. */
bool field_time(struct errand *e, const char *name, int64_t *out);

/* A time, or `never`: NO_END_MS. */
bool field_end_if_any(struct errand *e, const char *name, int64_t *out);
bool field_end(struct errand *e, const char *name, int64_t *out);
/* 0 where it is not there. */
bool field_time_if_any(struct errand *e, const char *name, int64_t *out);
/* true or false; `otherwise` where it is not there. */
bool field_flag_if_any(struct errand *e, const char *name, bool otherwise,
                       bool *out);
/* An array of strings; in a form, words between commas. */
bool field_words(struct errand *e, const char *name, struct list *out);
/* The same; `*is_given`: it is there, and may be empty. */
bool field_words_or_none(struct errand *e, const char *name, bool *is_given,
                         struct list *out);
bool field_limit(struct errand *e, int64_t *out);

/* What is to hold for good needs a key of its own. */
bool field_once(struct errand *e, bool *out);

/* From here on the fields are those of the address, whatever the body is. */
bool fields_of_query(struct errand *e);

/* The path's part, as an id: else not_found. */
bool part_id(struct errand *e, int64_t *out);

#endif
