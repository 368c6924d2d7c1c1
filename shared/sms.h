/* How long a text is as an SMS. */
#ifndef BIRDCAR_SMS_H
#define BIRDCAR_SMS_H

#include "shared/str.h"

enum { SMS_MOST_PARTS = 9 };

/* Parts of well-formed UTF-8: GSM 03.38 where it can (160, else 153 a part; the
 * extension table counts double), else UCS-2 (70, else 67; UTF-16 units). */
unsigned sms_parts(struct str text);

#endif
