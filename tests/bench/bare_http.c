/* The yardstick of calls: libmicrohttpd with nothing behind it. It answers
 * every request on the second callback with the same bytes.
 *
 *   bench_bare_http PORT ANSWER
 *
 * ANSWER is a file: the header lines, an empty line, the body. It serves until
 * it is ended. */
#include <microhttpd.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_ANSWER = 65536, MEMORY_LIMIT = 16384, MOST_CONNECTIONS = 1000 };

static enum MHD_Result answer(void *arg, struct MHD_Connection *connection,
                              const char *url, const char *method,
                              const char *version, const char *body,
                              size_t *size, void **seen)
{
    (void)url;
    (void)method;
    (void)version;
    (void)body;
    if (*seen == NULL) {
        *seen = connection;
        return MHD_YES;
    }
    *size = 0;
    return MHD_queue_response(connection, MHD_HTTP_OK, arg);
}

static struct MHD_Response *read_answer(const char *path)
{
    static char text[MOST_ANSWER];
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return NULL;
    text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
    (void)fclose(file);
    char *body = strstr(text, "\n\n");
    if (body == NULL)
        return NULL;
    *body = '\0';
    body += 2;
    struct MHD_Response *response = MHD_create_response_from_buffer(
        strlen(body), body, MHD_RESPMEM_PERSISTENT);
    char *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest);
         response != NULL && line != NULL; line = strtok_r(NULL, "\n", &rest)) {
        char *value = strstr(line, ": ");
        if (value == NULL)
            continue;
        *value = '\0';
        (void)MHD_add_response_header(response, line, value + 2);
    }
    return response;
}

int main(int argc, char **argv)
{
    struct MHD_Response *response = argc == 3 ? read_answer(argv[2]) : NULL;
    long port = argc == 3 ? strtol(argv[1], NULL, 10) : 0;
    if (response == NULL || port < 1 || port > 65535) {
        (void)fprintf(stderr, "usage: %s PORT ANSWER\n", argv[0]);
        return 2;
    }
    const struct sockaddr_in here = {.sin_family = AF_INET,
                                     .sin_port = htons((uint16_t)port),
                                     .sin_addr = {htonl(INADDR_LOOPBACK)}};
    sigset_t ends;
    (void)sigemptyset(&ends);
    (void)sigaddset(&ends, SIGTERM);
    (void)sigaddset(&ends, SIGINT);
    (void)sigprocmask(SIG_BLOCK, &ends, NULL);
    struct MHD_Daemon *daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD, (uint16_t)port, NULL, NULL, answer,
        response, MHD_OPTION_SOCK_ADDR, (const struct sockaddr *)&here,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)MOST_CONNECTIONS,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY_LIMIT,
        MHD_OPTION_END);
    if (daemon == NULL) {
        (void)fprintf(stderr, "%s: cannot listen on %ld\n", argv[0], port);
        return 1;
    }
    int which = 0;
    (void)sigwait(&ends, &which);
    MHD_stop_daemon(daemon);
    MHD_destroy_response(response);
    return 0;
}
