/* Writes signed webhook requests to standard output, made before the run so
 * that no signing is measured.
 *
 *   bench_requests calls KEY URL ROUTES PROXIES COUNT
 *     a line a call, for calls.lua: path and query, a tab, the signature;
 *     the callers are drawn evenly from all routes
 *   bench_requests texts KEY URL ROUTES PROXIES COUNT NAME
 *     whole requests for bench_player; NAME makes their ids unlike those of
 *     any other run, and each text ends in its number
 *
 * URL: the gateway's, as PUBLIC_URL has it. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#include "tests/bench/sign.h"
#include "tests/bench/world.h"

struct job {
    struct str key, url, name;
    uint64_t routes, proxies, count;
};

static struct str fresh_id(struct arena *arena)
{
    uint32_t r[4];
    if (getrandom(r, sizeof(r), 0) != (ssize_t)sizeof(r))
        abort();
    return arena_printf(arena, "%08x-%04x-%04x-%04x-%08x%04x", r[0], r[1] >> 16,
                        r[1] & 0xffff, r[2] >> 16, r[3], r[2] & 0xffff);
}

static struct str absolute(struct arena *arena, const struct job *job,
                           struct str target)
{
    return arena_printf(arena, "%.*s%.*s", STR_ARG(job->url), STR_ARG(target));
}

static void write_call(struct arena *arena, const struct job *job, uint64_t at)
{
    struct world_route route =
        world_route(arena, at * job->routes / job->count, job->proxies);
    struct str target = arena_printf(
        arena,
        "/webhook-voice?callID=%.*s&destination=%.*s"
        "&numberID=272cca7c-7e0c-4a2c-9e6a-5d6b0a6b2f31&source=%.*s"
        "&variables=%%7B%%7D",
        STR_ARG(fresh_id(arena)), STR_ARG(route.proxy), STR_ARG(route.phone));
    struct str token = sign(arena, job->key, absolute(arena, job, target),
                            STR_NONE, fresh_id(arena));
    (void)printf("%.*s\t%.*s\n", STR_ARG(target), STR_ARG(token));
}

static struct str text_body(struct arena *arena, const struct job *job,
                            uint64_t at)
{
    /* A prime: neighbours in time are far apart in the world. */
    struct world_route route =
        world_route(arena, at * 7919 % job->routes, job->proxies);
    struct tm utc;
    char now[32];
    time_t seconds = time(NULL);
    (void)gmtime_r(&seconds, &utc);
    (void)strftime(now, sizeof(now), "%Y-%m-%dT%H%%3A%M%%3A%S%%2B00%%3A00",
                   &utc);
    return arena_printf(
        arena,
        "message_id=%.*s-%llu&id=%.*s&originator=%.*s&recipient=%.*s"
        "&payload=I+am+at+the+corner%%2C+beside+the+flower+shop.+%%23%llu"
        "&createdDatetime=%s",
        STR_ARG(job->name), (unsigned long long)at, STR_ARG(fresh_id(arena)),
        STR_ARG(route.phone), STR_ARG(route.proxy), (unsigned long long)at,
        now);
}

static void write_text(struct arena *arena, const struct job *job, uint64_t at)
{
    struct str body = text_body(arena, job, at);
    struct str token =
        sign(arena, job->key, absolute(arena, job, STR("/webhook")), body,
             fresh_id(arena));
    struct str request = arena_printf(
        arena,
        "POST /webhook HTTP/1.1\r\nHost: bench\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\n"
        "MessageBird-Signature-JWT: %.*s\r\nContent-Length: %zu\r\n\r\n%.*s",
        STR_ARG(token), body.len, STR_ARG(body));
    uint32_t len = (uint32_t)request.len;
    (void)fwrite(&len, sizeof(len), 1, stdout);
    (void)fwrite(request.ptr, 1, request.len, stdout);
}

int main(int argc, char **argv)
{
    bool calls = argc == 7 && strcmp(argv[1], "calls") == 0;
    bool texts = argc == 8 && strcmp(argv[1], "texts") == 0;
    if (!calls && !texts) {
        (void)fprintf(stderr,
                      "usage: %s calls|texts KEY URL ROUTES PROXIES "
                      "COUNT [NAME]\n",
                      argv[0]);
        return 2;
    }
    struct job job = {.key = str_of(argv[2]),
                      .url = str_of(argv[3]),
                      .name = str_of(argv[7]),
                      .routes = world_count(argv[4]),
                      .proxies = world_count(argv[5]),
                      .count = world_count(argv[6])};
    for (uint64_t i = 0; i < job.count; i++) {
        struct arena *arena = arena_new();
        if (calls)
            write_call(arena, &job, i);
        else
            write_text(arena, &job, i);
        arena_destroy(&arena);
    }
    return fflush(stdout) == 0 && ferror(stdout) == 0 ? 0 : 1;
}
