/* The parameters of a request: its body by content type, or its query. */
#ifndef BIRDCAR_GATEWAY_CONTENT_H
#define BIRDCAR_GATEWAY_CONTENT_H

#include "gateway/params.h"
#include "gateway/router.h"

enum { CONTENT_FORM = 1, CONTENT_JSON = 2, CONTENT_CSV = 4 };

/* The query of a GET or DELETE, else the body. `taken`: the kinds that may be;
 * a form is taken for granted where it may be and no type is given. False:
 * wrong_type or malformed, with the field at fault where one is known. */
bool content_read(const struct exchange *x, struct params *params,
                  unsigned taken, struct problem *problem);

#endif
