#include "wire/outside.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <unistd.h>

enum { BODY_MOST = 4 << 20, HEADERS_MOST = 256 << 10, CONNECT_MS = 15000, STALL_S = 60 };

static pthread_once_t once = PTHREAD_ONCE_INIT;
static void start(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

struct transfer {
    const struct outside_wish *wish;
    struct outside_reply *reply;
    int64_t sent;
    bool failed, cancelled; // by one of the caller's functions
    struct error err;
};

static size_t take_header(char *at, size_t one, size_t size, void *context)
{
    struct transfer *t = context;
    size *= one;
    if (size > 5 && strncmp(at, "HTTP/", 5) == 0) // 100 Continue came before
        t->reply->headers.size = 0;
    return buf_add(&t->reply->headers, at, size) ? size : 0;
}

static size_t take_body(char *at, size_t one, size_t size, void *context)
{
    struct transfer *t = context;
    size *= one;
    if (!t->wish->download)
        return buf_add(&t->reply->body, at, size) ? size : 0;
    t->failed = !t->wish->download(t->wish->context, at, size, &t->err);
    return t->failed ? 0 : size;
}

static size_t give_body(char *to, size_t one, size_t room, void *context)
{
    struct transfer *t = context;
    const struct outside_wish *w = t->wish;
    int64_t left = (w->upload ? w->upload_size : (int64_t)w->body.size) - t->sent;
    room *= one;
    room = (int64_t)room < left ? room : (size_t)left;
    if (!room)
        return 0;
    if (!w->upload) {
        memcpy(to, w->body.at + t->sent, room);
    } else if (!w->upload(w->context, w->upload_from + t->sent, to, room, &t->err)) {
        t->failed = true;
        return CURL_READFUNC_ABORT;
    }
    t->sent += (int64_t)room;
    return room;
}

static int seek_body(void *context, curl_off_t offset, int origin)
{
    struct transfer *t = context;
    if (origin != SEEK_SET)
        return CURL_SEEKFUNC_CANTSEEK;
    t->sent = offset;
    return CURL_SEEKFUNC_OK;
}

static int show(void *context, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
                curl_off_t up)
{
    struct transfer *t = context;
    (void)down_total;
    (void)up_total;
    t->cancelled = t->wish->moved && !t->wish->moved(t->wish->context, up > 0 ? up : down);
    return t->cancelled;
}

static struct curl_slist *list_of(const char *const *texts, struct curl_slist *list)
{
    for (size_t i = 0; texts && texts[i]; i++)
        list = curl_slist_append(list, texts[i]);
    return list;
}

// libssh2 reads a key from a file: one that is in memory alone.
static int key_file(const char *key, char path[64])
{
    int fd = memfd_create("key", MFD_CLOEXEC);
    size_t size = strlen(key);
    if (fd < 0 || write(fd, key, size) != (ssize_t)size)
        return fd;
    if (size && key[size - 1] != '\n')
        (void)!write(fd, "\n", 1);
    snprintf(path, 64, "/proc/self/fd/%d", fd);
    return fd;
}

static void set_ssh(CURL *curl, const struct outside_wish *w, const char *key_path)
{
    static const char front[] = "SHA256:";
    const char *host = w->host_key ? w->host_key : "";
    host += strncmp(host, front, sizeof(front) - 1) == 0 ? sizeof(front) - 1 : 0;
    curl_easy_setopt(
        curl, CURLOPT_SSH_AUTH_TYPES,
        (long)(w->key ? CURLSSH_AUTH_PUBLICKEY : CURLSSH_AUTH_PASSWORD | CURLSSH_AUTH_KEYBOARD));
    curl_easy_setopt(curl, CURLOPT_SSH_HOST_PUBLIC_KEY_SHA256, host);
    if (w->key) {
        curl_easy_setopt(curl, CURLOPT_SSH_PRIVATE_KEYFILE, key_path);
        curl_easy_setopt(curl, CURLOPT_SSH_PUBLIC_KEYFILE, NULL);
        curl_easy_setopt(curl, CURLOPT_KEYPASSWD, w->passphrase ? w->passphrase : "");
    }
    curl_easy_setopt(curl, CURLOPT_FTP_CREATE_MISSING_DIRS, (long)CURLFTP_CREATE_DIR_RETRY);
    curl_easy_setopt(curl, CURLOPT_NEW_DIRECTORY_PERMS, 0775L);
}

static void set_body(CURL *curl, struct transfer *t)
{
    const struct outside_wish *w = t->wish;
    int64_t size = w->upload ? w->upload_size : (int64_t)w->body.size;
    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, give_body);
    curl_easy_setopt(curl, CURLOPT_READDATA, t);
    curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, seek_body);
    curl_easy_setopt(curl, CURLOPT_SEEKDATA, t);
    if (strncmp(w->url, "smtp", 4) != 0)
        curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)size);
    // SFTP: what is there stays, and what is given goes behind it.
    if (w->upload_from && strncmp(w->url, "sftp", 4) == 0)
        curl_easy_setopt(curl, CURLOPT_APPEND, 1L);
}

// Of a mail server on this machine nobody can listen in.
static bool is_here(const char *url)
{
    const char *host = strstr(url, "://");
    host = host ? host + 3 : url;
    return strncmp(host, "127.", 4) == 0 || strncmp(host, "[::1]", 5) == 0 ||
           (strncmp(host, "localhost", 9) == 0 && (!host[9] || strchr(":/", host[9])));
}

// Mail is encrypted when the server can (STARTTLS); a password is never told to one that can not.
static void set_mail(CURL *curl, const struct outside_wish *w)
{
    bool must = w->password && !is_here(w->url);
    curl_easy_setopt(curl, CURLOPT_USE_SSL, (long)(must ? CURLUSESSL_ALL : CURLUSESSL_TRY));
}

static void set_all(CURL *curl, struct transfer *t, char why[CURL_ERROR_SIZE])
{
    const struct outside_wish *w = t->wish;
    curl_easy_setopt(curl, CURLOPT_URL, w->url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https,sftp,smtp,smtps");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)STALL_S);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)w->timeout_ms);
    curl_easy_setopt(curl, CURLOPT_UPLOAD_BUFFERSIZE, 512L << 10);
    curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, 256L << 10);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, t);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, show);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, t);
    curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (w->ca_file)
        curl_easy_setopt(curl, CURLOPT_CAINFO, w->ca_file);
    if (w->user)
        curl_easy_setopt(curl, CURLOPT_USERNAME, w->user);
    if (w->password)
        curl_easy_setopt(curl, CURLOPT_PASSWORD, w->password);
    if (w->sigv4)
        curl_easy_setopt(curl, CURLOPT_AWS_SIGV4, w->sigv4);
    if (strncmp(w->url, "smtp", 4) == 0)
        set_mail(curl, w);
    if (w->upload || w->body.size)
        set_body(curl, t);
    else if (w->head)
        curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    if (strncmp(w->url, "http", 4) == 0 && (w->method || (w->body.size && !w->upload)))
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, w->method ? w->method : "POST");
    if (w->from)
        curl_easy_setopt(curl, CURLOPT_MAIL_FROM, w->from);
}

static const struct fault { // what curl says, as we say it
    CURLcode code;
    enum error_kind kind;
    const char *fix;
} faults[] = {
    {CURLE_PEER_FAILED_VERIFICATION, ERROR_DENIED,
     "compare the server's key or certificate with what its owner says, and enter the right one"},
    {CURLE_LOGIN_DENIED, ERROR_DENIED, "check user and secret of the destination"},
    {CURLE_REMOTE_ACCESS_DENIED, ERROR_DENIED, "check what this user may do there"},
    {CURLE_REMOTE_FILE_NOT_FOUND, ERROR_NOT_FOUND, "check the path"},
    {CURLE_REMOTE_DISK_FULL, ERROR_STORAGE, "its owner has to make room"},
    {CURLE_QUOTE_ERROR, ERROR_CONFLICT, "look at what lies there already"},
    {CURLE_OPERATION_TIMEDOUT, ERROR_TIMEOUT, "try again; look at the line to the server"},
    {CURLE_URL_MALFORMAT, ERROR_INPUT, "check the address"},
    {CURLE_UNSUPPORTED_PROTOCOL, ERROR_INPUT, "check the address"},
    {CURLE_SSH, ERROR_NETWORK, "try again; look at what the server says"},
};

static bool failed(struct transfer *t, CURLcode code, const char *why, struct error *err)
{
    if (t->failed) {
        *err = t->err;
        return false;
    }
    if (t->cancelled)
        return error_set(err, ERROR_CANCELLED, "it was stopped");
    struct fault f = {code, ERROR_NETWORK, "try again; look at the line to the server"};
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
        if (faults[i].code == code)
            f = faults[i];
    const char *host = strstr(t->wish->url, "://");
    host = host ? host + 3 : t->wish->url;
    error_set(err, f.kind, "cannot reach what is needed at %.*s", (int)strcspn(host, "/"), host);
    error_why(err, "%s", *why ? why : curl_easy_strerror(code));
    return error_fix(err, "%s", f.fix);
}

bool outside_call(const struct outside_wish *w, struct outside_reply *reply, struct error *err)
{
    char why[CURL_ERROR_SIZE] = "", key_path[64] = "";
    pthread_once(&once, start);
    *reply = (struct outside_reply){
        .body = BUF_LIMIT(BODY_MOST), .headers = BUF_LIMIT(HEADERS_MOST), .size = -1};
    struct transfer t = {.wish = w, .reply = reply};
    CURL *curl = curl_easy_init();
    if (!curl)
        abort();
    set_all(curl, &t, why);
    bool http = strncmp(w->url, "http", 4) == 0;
    // A header that is taken out would be signed too.
    bool plain = http && !w->sigv4;
    struct curl_slist *headers =
        list_of(w->headers, plain ? curl_slist_append(NULL, "Expect:") : NULL);
    struct curl_slist *after = list_of(w->after, NULL), *before = list_of(w->before, NULL),
                      *to = list_of(w->to, NULL);
    int key = w->key ? key_file(w->key, key_path) : -1;
    if (strncmp(w->url, "sftp", 4) == 0)
        set_ssh(curl, w, key_path);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_POSTQUOTE, after);
    curl_easy_setopt(curl, CURLOPT_QUOTE, before);
    curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, to);
    CURLcode code = curl_easy_perform(curl);
    long status = 0;
    curl_off_t size = -1;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &size);
    reply->status = http ? (int)status : 0;
    reply->size = size;
    curl_easy_cleanup(curl);
    curl_slist_free_all(headers);
    curl_slist_free_all(after);
    curl_slist_free_all(before);
    curl_slist_free_all(to);
    if (key >= 0)
        close(key);
    return code == CURLE_OK || failed(&t, code, why, err);
}

void outside_free(struct outside_reply *reply)
{
    buf_free(&reply->body);
    buf_free(&reply->headers);
}

bool outside_header(const struct outside_reply *reply, const char *name, char *to, size_t room)
{
    text rest = {reply->headers.at, reply->headers.size};
    *to = 0;
    while (rest.size) {
        text line = text_trim(text_cut(&rest, '\n'));
        text value = line, key = text_cut(&value, ':');
        if (key.size == strlen(name) && strncasecmp(key.at, name, key.size) == 0)
            return text_copy(text_trim(value), to, room);
    }
    return false;
}

void outside_encode(const char *plain, bool path, struct buf *to)
{
    for (const unsigned char *c = (const unsigned char *)plain; *c; c++) {
        bool stays = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
                     (*c >= '0' && *c <= '9') || strchr("-_.~", *c) || (path && *c == '/');
        if (stays)
            buf_add(to, c, 1);
        else
            buf_format(to, "%%%02X", *c);
    }
}
