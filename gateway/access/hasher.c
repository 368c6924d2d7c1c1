#include "gateway/access/hasher.h"

#include <crack.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct job {
    struct job *next;
    struct task *task;
    char password[PASSWORD_MOST];
    size_t len;
    char stored[crypto_pwhash_STRBYTES]; /* to check, or as it was made; empty:
                                            of nobody */
    bool makes, random;                  /* what is asked */
    bool good, common;                   /* the answer */
    bool *holds;                         /* where it checks */
    struct str *made;                    /* where it makes */
};

struct hasher {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t work;
    struct job *waiting, **last; /* under the lock, as is what follows */
    struct job *done;
    unsigned count; /* of those waiting */
    bool stops;
    int bell; /* rung when one is done */
    struct loop_io *io;
};

static void job_free(struct job *job)
{
    sodium_memzero(job, sizeof(*job));
    free(job);
}

/* ---- on the thread ---- */

/* Of random bytes: against it those are checked who have no account. */
static void make_nobody(char stored[crypto_pwhash_STRBYTES])
{
    char bytes[crypto_pwhash_SALTBYTES];
    randombytes_buf(bytes, sizeof(bytes));
    if (crypto_pwhash_str(stored, bytes, sizeof(bytes), HASHER_PASSES,
                          HASHER_BYTES) != 0)
        stored[0] = '\0';
}

/* True: cracklib finds it among what others try first, or made of it. Its
 * dictionary is the system's; without one nothing is found. */
static bool is_common(const char *password, size_t len)
{
    char z[PASSWORD_MOST + 1], file[256];
    const char *dictionary = GetDefaultCracklibDict();
    (void)snprintf(file, sizeof(file), "%s.pwd", dictionary);
    if (access(file, R_OK) != 0)
        return false;
    memcpy(z, password, len);
    z[len] = '\0';
    bool found = FascistCheckUser(z, dictionary, "birdcar", "") != NULL;
    sodium_memzero(z, sizeof(z));
    return found;
}

static void work_on(struct job *job, const char *nobody)
{
    const char *stored = job->stored[0] != '\0' ? job->stored : nobody;
    if (job->makes && !job->random)
        job->common = is_common(job->password, job->len);
    if (job->makes && !job->common)
        job->good = crypto_pwhash_str(job->stored, job->password, job->len,
                                      HASHER_PASSES, HASHER_BYTES) == 0;
    else if (!job->makes)
        job->good =
            crypto_pwhash_str_verify(stored, job->password, job->len) == 0;
    sodium_memzero(job->password, sizeof(job->password));
}

static void *thread_main(void *arg)
{
    struct hasher *h = arg;
    const uint64_t one = 1;
    char nobody[crypto_pwhash_STRBYTES];
    make_nobody(nobody);
    pthread_mutex_lock(&h->lock);
    for (;;) {
        while (h->waiting == NULL && !h->stops)
            pthread_cond_wait(&h->work, &h->lock);
        if (h->stops)
            break;
        struct job *job = h->waiting;
        h->waiting = job->next;
        if (h->waiting == NULL)
            h->last = &h->waiting;
        h->count--;
        pthread_mutex_unlock(&h->lock);
        work_on(job, nobody);
        pthread_mutex_lock(&h->lock);
        job->next = h->done;
        h->done = job;
        (void)!write(h->bell, &one, sizeof(one));
    }
    pthread_mutex_unlock(&h->lock);
    return NULL;
}

/* ---- on the loop ---- */

static void finish(struct job *job)
{
    struct task *t = job->task;
    if (!job->makes) {
        *job->holds = job->good;
        task_done(t);
    } else if (job->good) {
        *job->made = arena_copy(t->arena, str_of(job->stored));
        task_done(t);
    } else if (job->common) {
        task_fail(
            t, (struct problem){PROBLEM_password_common, STR("password"), 0});
    } else { /* no memory for it */
        task_fail(t, (struct problem){PROBLEM_busy, STR_NONE, 0});
    }
    job_free(job);
}

static void bell_rang(void *arg, int events)
{
    struct hasher *h = arg;
    uint64_t times = 0;
    (void)events;
    (void)!read(h->bell, &times, sizeof(times));
    pthread_mutex_lock(&h->lock);
    struct job *done = h->done;
    h->done = NULL;
    pthread_mutex_unlock(&h->lock);
    while (done != NULL) {
        struct job *next = done->next;
        finish(done);
        done = next;
    }
}

static void queue(struct hasher *h, struct task *t, struct job *job)
{
    pthread_mutex_lock(&h->lock);
    bool full = h->count == HASHER_MOST_WAITING;
    if (!full) {
        *h->last = job;
        h->last = &job->next;
        h->count++;
        pthread_cond_signal(&h->work);
    }
    pthread_mutex_unlock(&h->lock);
    if (full) {
        job_free(job);
        task_refuse(t, PROBLEM_busy);
    } else {
        task_hold(t);
    }
}

static struct job *job_new(struct task *t, struct str password)
{
    struct job *job = xcalloc(1, sizeof(*job));
    job->task = t;
    job->len = password.len < PASSWORD_MOST ? password.len : PASSWORD_MOST;
    if (job->len > 0)
        memcpy(job->password, password.ptr, job->len);
    return job;
}

void hasher_check(struct hasher *hasher, struct task *t, struct str stored,
                  struct str password, bool *holds)
{
    struct job *job = job_new(t, password);
    if (stored.len > 0 && stored.len < sizeof(job->stored))
        memcpy(job->stored, stored.ptr, stored.len);
    /* One that says it costs more than ours was not made here. */
    if (crypto_pwhash_str_needs_rehash(job->stored, HASHER_PASSES,
                                       HASHER_BYTES) != 0)
        job->stored[0] = '\0';
    job->holds = holds;
    *holds = false;
    queue(hasher, t, job);
}

static void make(struct hasher *hasher, struct task *t, struct str password,
                 bool random, struct str *stored)
{
    struct job *job = job_new(t, password);
    job->makes = true;
    job->random = random;
    job->made = stored;
    queue(hasher, t, job);
}

void hasher_make(struct hasher *hasher, struct task *t, struct str password,
                 struct str *stored)
{
    make(hasher, t, password, false, stored);
}

void hasher_make_random(struct hasher *hasher, struct task *t,
                        struct str password, struct str *stored)
{
    make(hasher, t, password, true, stored);
}

struct hasher *hasher_new(struct loop *loop)
{
    struct hasher *h = xcalloc(1, sizeof(*h));
    h->last = &h->waiting;
    h->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (h->bell == -1 || sodium_init() < 0)
        abort();
    pthread_mutex_init(&h->lock, NULL);
    pthread_cond_init(&h->work, NULL);
    h->io = loop_io_new(loop, h->bell, bell_rang, h);
    loop_io_want(h->io, LOOP_READ);
    if (pthread_create(&h->thread, NULL, thread_main, h) != 0)
        abort();
    return h;
}

void hasher_destroy(struct hasher **hasher)
{
    struct hasher *h = *hasher;
    if (h == NULL)
        return;
    pthread_mutex_lock(&h->lock);
    h->stops = true;
    pthread_cond_signal(&h->work);
    pthread_mutex_unlock(&h->lock);
    pthread_join(h->thread, NULL);
    struct job *lists[] = {h->waiting, h->done};
    for (int i = 0; i < 2; i++)
        for (struct job *job = lists[i], *next = NULL; job != NULL;
             job = next) {
            next = job->next;
            job_free(job);
        }
    loop_io_destroy(&h->io);
    (void)close(h->bell);
    pthread_cond_destroy(&h->work);
    pthread_mutex_destroy(&h->lock);
    free(h);
    *hasher = NULL;
}
