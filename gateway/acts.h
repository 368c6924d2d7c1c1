/* What the API and the console can ask of the services: each act is a message,
 * how its fields are read, and how it is told of when done. One table; the API
 * and the forms are two views of it. */
#ifndef BIRDCAR_GATEWAY_ACTS_H
#define BIRDCAR_GATEWAY_ACTS_H

#include <cjson/cJSON.h>

#include "gateway/access/audit.h"
#include "gateway/params.h"
#include "gateway/router.h"

/* What is asked of the gateway itself. */
struct ask_account {
    struct str name, role, password, current, session;
    bool sets_disabled, disabled, drops_totp;
};
struct ask_token {
    struct str id, name, scopes;
    int64_t expires;
};
struct ask_code {
    struct str code, current;
};

union ask {
    struct ask_account account;
    struct ask_token token;
    struct ask_code code;
    struct audit_filter audit;
    struct msg_person_reveal person_reveal;
    struct msg_person_add person_add;
    struct msg_person_edit person_edit;
    struct msg_person_get person_get;
    struct msg_person_remove person_remove;
    struct msg_person_list person_list;
    struct msg_person_export person_export;
    struct msg_person_erase person_erase;
    struct msg_ride_create ride_create;
    struct msg_ride_get ride_get;
    struct msg_ride_list ride_list;
    struct msg_ride_end ride_end;
    struct msg_ride_cancel ride_cancel;
    struct msg_ride_extend ride_extend;
    struct msg_ride_reopen ride_reopen;
    struct msg_ride_party ride_party;
    struct msg_ride_timeline ride_timeline;
    struct msg_ride_why ride_why;
    struct msg_number_add number_add;
    struct msg_number_get number_get;
    struct msg_number_edit number_edit;
    struct msg_number_remove number_remove;
    struct msg_number_import number_import;
    struct msg_number_list number_list;
    struct msg_pool_add pool_add;
    struct msg_pool_list pool_list;
    struct msg_pool_stats pool_stats;
    struct msg_pool_edit pool_edit;
    struct msg_pool_remove pool_remove;
    struct msg_pool_replay pool_replay;
    struct msg_job_get job_get;
    struct msg_letter_list letter_list;
    struct msg_letter_resend letter_resend;
    struct msg_letter_drop letter_drop;
    struct msg_letter_resend_all letter_resend_all;
    struct msg_letter_drop_all letter_drop_all;
};

struct got_account {
    struct str name, role;
    struct str password; /* that was made for it; else empty */
};
struct got_token {
    struct str id, name, scopes, by;
    struct str token; /* whole, once */
    int64_t made, expires;
};

union got {
    struct value list; /* accounts, sessions or tokens, as the store has them */
    struct got_account account;
    struct got_token token;
    struct audit_page audit;
    struct audit_check check;
    struct msg_person_revealed person_revealed;
    struct msg_ok ok;
    struct msg_person person;
    struct msg_people people;
    struct msg_person_kept kept;
    struct msg_kept_ride kept_ride;
    struct msg_kept_text kept_text;
    struct msg_hold hold;
    struct msg_person_erased erased;
    struct msg_ride ride;
    struct msg_rides rides;
    struct msg_timeline timeline;
    struct msg_ride_reasons reasons;
    struct msg_number_reason reason;
    struct msg_number number;
    struct msg_numbers numbers;
    struct msg_numbers_imported numbers_imported;
    struct msg_pool pool;
    struct msg_pools pools;
    struct msg_pool_figures pool_figures;
    struct msg_job job;
    struct msg_letter letter;
    struct msg_letters letters;
    struct msg_letters_taken letters_taken;
};

/* An exchange that carries out an act. */
struct errand {
    struct exchange x;
    struct params params;
    bool is_form;      /* what people typed, rather than JSON */
    struct str key;    /* the request key: makes a repeat harmless */
    struct str detail; /* for the audit log */
    union ask ask;
    union got got;
};

struct act {
    const char *service; /* that is asked; NULL: it is the gateway's own */
    const struct message_type *type;
    void (*own)(struct task *); /* of a struct own, in place of these two */
    unsigned may;               /* what it takes, see identity.h */
    const char *audit; /* as the audit log calls it; NULL: it is not noted */
    enum audit_trail trail;
    /* What it tells of the answer, too; NULL: nothing. */
    struct str (*note)(const struct errand *e);
    /* Fills `ask` from path, parameters and key. False: the task has its
     * problem. */
    bool (*read)(struct errand *e);
    bool takes_body;
    bool takes_csv;   /* as the API's body, whose fields are in the address */
    const char *role; /* whose, for people */
    /* The API's answer. */
    cJSON *(*show)(struct arena *arena, const union got *got);
    int status;
    const char *home; /* Location is this and the id; NULL: none */
    /* The console's. */
    const char *done;          /* the code of its sentence */
    const char *page;          /* shows it; NULL: the first page */
    bool shows_answer;         /* on its own page, in place of a sentence */
    bool leads_to_job;         /* whose page says more than a sentence */
    const char *form;          /* the form that holds its fields */
    const char *const *fields; /* of that form; ends at NULL */
};

extern const struct act act_customer_add, act_customer_list, act_customer_get,
    act_customer_edit, act_customer_replace, act_customer_remove,
    act_driver_add, act_driver_list, act_driver_get, act_driver_edit,
    act_driver_replace, act_driver_remove, act_customer_export,
    act_driver_export, act_phone_export, act_customer_erase, act_driver_erase,
    act_phone_erase, act_number_add, act_number_list, act_number_get,
    act_number_edit, act_number_remove, act_number_import, act_pool_add,
    act_pool_list, act_pool_stats, act_pool_edit, act_pool_remove,
    act_pool_replay, act_job_get, act_ride_create, act_ride_list, act_ride_get,
    act_ride_end, act_ride_cancel, act_ride_extend, act_ride_reopen,
    act_ride_party, act_ride_timeline, act_ride_why, act_pair_why,
    act_letter_list, act_letter_resend, act_letter_drop, act_letter_resend_all,
    act_letter_drop_all, act_customer_reveal, act_driver_reveal,
    act_account_list, act_account_add, act_account_edit, act_account_remove,
    act_account_sessions, act_account_sign_out, act_password, act_session_end,
    act_sign_out, act_totp_new, act_totp_confirm, act_totp_remove,
    act_token_list, act_token_add, act_token_remove, act_audit_list,
    act_audit_verify;

/* An act of the gateway's own, under way: a part of the errand. */
struct own {
    struct task task;
    struct errand *e;
    struct value found, done;
    struct str text[3];
    bool holds;
};

/* Sends what `read` filled, and notes it in the audit log. */
void errand_send(struct errand *e);

#endif
