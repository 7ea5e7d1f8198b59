/*
 * wan: a long line on one machine, for tests and measurements. Two tun devices, each in a network
 * namespace of its own, and this program between them: what one gives, the other gets, after a
 * bottleneck of a given rate with a queue that drops what is too much, a delay, and whatever else
 * happens to packets: they are lost, change places, come twice or come changed, or vanish because
 * they are too large. Needs root and `ip`; no netem.
 *
 * The kernel hands over TCP and UDP in large pieces (segmentation offload). The line works on the
 * packets that a wire would carry: a large piece is taken apart first, and neighbours of one piece
 * that are due at once are put together again, as a network card does.
 *
 * Lines run late when the machine is busy. At its end (SIGTERM) it says how late, on average and at
 * most: a measurement during which it was 200 us on average is worth nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif
#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4 5
#endif

enum {
    WIRE = 38,
    PIECE_MOST = 66000,
    HEADS = 120
}; // WIRE: preamble, head, check and gap of Ethernet

struct piece { // as the kernel gave it
    struct piece *next;
    int users;
    struct virtio_net_hdr head;
    uint32_t size, heads, payload, each, count; // heads: bytes of IP and TCP or UDP in front
    uint8_t at[PIECE_MOST];
};

struct packet { // of a piece, on its way
    uint64_t due_ns, order;
    struct piece *piece;
    uint32_t index;
    bool changed;
};

struct way {
    int in, out;
    double ns_a_byte;
    uint64_t queue_ns, delay_ns, jitter_ns, late_ns;
    double loss, late, twice, changed;
    uint32_t most;
    uint64_t free_ns; // when the bottleneck is through with what it has
    uint64_t last_ns; // without jitter packets keep their order
    struct packet *heap;
    size_t count, room;
    uint64_t packets, bytes, lost, dropped, vanished, delivered, failed, lateness_ns,
        lateness_most_ns;
};

static struct piece *spare;
static uint64_t seed = 0x9E3779B97F4A7C15u, order;
static volatile sig_atomic_t stop;

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t dice(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static bool chance(double share)
{
    return share > 0 && (double)(dice() >> 11) / 9007199254740992.0 < share;
}

static void on_signal(int number)
{
    (void)number;
    stop = 1;
}

static void die(const char *what)
{
    fprintf(stderr, "wan: %s: %s\n", what, strerror(errno));
    exit(1);
}

// ---- pieces

static struct piece *piece_new(void)
{
    struct piece *p = spare;
    if (p)
        spare = p->next;
    else if (!(p = malloc(sizeof(*p))))
        die("no memory");
    p->users = 1;
    return p;
}

static void piece_drop(struct piece *p)
{
    if (--p->users)
        return;
    p->next = spare;
    spare = p;
}

static uint32_t sum_of(const uint8_t *at, size_t size, uint32_t sum)
{
    for (; size > 1; size -= 2, at += 2)
        sum += (uint32_t)at[0] << 8 | at[1];
    return size ? sum + ((uint32_t)at[0] << 8) : sum;
}

static uint16_t folded(uint32_t sum)
{
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

static void put16(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static uint32_t ip_size(const uint8_t *at)
{
    return at[0] >> 4 == 4 ? (uint32_t)(at[0] & 15) * 4 : 40;
}

static void piece_measure(struct piece *p)
{
    uint8_t kind = p->head.gso_type & (uint8_t)~VIRTIO_NET_HDR_GSO_ECN;
    p->heads = 0;
    p->payload = p->each = p->size;
    p->count = 1;
    if (!kind)
        return;
    uint32_t ip = ip_size(p->at);
    p->heads = ip + (kind == VIRTIO_NET_HDR_GSO_UDP_L4 ? 8 : (uint32_t)(p->at[ip + 12] >> 4) * 4);
    p->payload = p->size - p->heads;
    p->each = p->head.gso_size ? p->head.gso_size : p->payload;
    p->count = (p->payload + p->each - 1) / p->each;
}

static uint32_t packet_size(const struct piece *p, uint32_t index)
{
    uint32_t from = index * p->each, left = p->payload - from;
    return p->heads + (left < p->each ? left : p->each);
}

// ---- the heap of what is on its way

static bool sooner(const struct packet *a, const struct packet *b)
{
    return a->due_ns != b->due_ns ? a->due_ns < b->due_ns : a->order < b->order;
}

static void heap_push(struct way *w, struct packet e)
{
    if (w->count == w->room) {
        w->room = w->room ? w->room * 2 : 4096;
        if (!(w->heap = realloc(w->heap, w->room * sizeof(*w->heap))))
            die("no memory");
    }
    size_t at = w->count++;
    for (; at && sooner(&e, &w->heap[(at - 1) / 2]); at = (at - 1) / 2)
        w->heap[at] = w->heap[(at - 1) / 2];
    w->heap[at] = e;
}

static struct packet heap_pop(struct way *w)
{
    struct packet first = w->heap[0], last = w->heap[--w->count];
    size_t at = 0;
    for (size_t child; (child = at * 2 + 1) < w->count; at = child) {
        if (child + 1 < w->count && sooner(&w->heap[child + 1], &w->heap[child]))
            child++;
        if (!sooner(&w->heap[child], &last))
            break;
        w->heap[at] = w->heap[child];
    }
    if (w->count)
        w->heap[at] = last;
    return first;
}

// ---- the line

static void travel(struct way *w, struct piece *p, uint32_t index, uint64_t now)
{
    uint32_t size = packet_size(p, index);
    w->packets++;
    w->bytes += size;
    if (size > w->most) {
        w->vanished++;
        return;
    }
    if (w->free_ns < now)
        w->free_ns = now;
    if (w->ns_a_byte > 0 && w->free_ns - now > w->queue_ns) {
        w->dropped++;
        return;
    }
    w->free_ns += (uint64_t)((size + WIRE) * w->ns_a_byte);
    if (chance(w->loss)) {
        w->lost++;
        return;
    }
    uint64_t due = w->free_ns + w->delay_ns + (w->jitter_ns ? dice() % w->jitter_ns : 0);
    if (chance(w->late))
        due += dice() % (w->late_ns + 1); // others overtake it
    else if (due < w->last_ns)
        due = w->last_ns;
    else
        w->last_ns = due;
    bool changed = chance(w->changed);
    heap_push(w, (struct packet){due, order++, p, index, changed});
    p->users++;
    if (chance(w->twice)) {
        heap_push(w, (struct packet){due + dice() % 3000000, order++, p, index, false});
        p->users++;
    }
}

static bool take(struct way *w)
{
    struct piece *p = piece_new();
    struct iovec list[2] = {{&p->head, sizeof(p->head)}, {p->at, PIECE_MOST}};
    ssize_t got = readv(w->in, list, 2);
    bool ok = got > (ssize_t)(sizeof(p->head) + 20);
    if (ok) {
        uint64_t now = now_ns();
        p->size = (uint32_t)((size_t)got - sizeof(p->head));
        piece_measure(p);
        for (uint32_t i = 0; i < p->count; i++)
            travel(w, p, i, now);
    }
    piece_drop(p);
    return ok;
}

// The heads of `count` packets of a piece from `index` on, as one; the check sum is left to the
// kernel.
static void heads_write(const struct piece *p, uint32_t index, uint32_t count, uint32_t size,
                        uint8_t *heads, struct virtio_net_hdr *head)
{
    uint32_t ip = ip_size(p->at), rest = p->heads - ip + size;
    bool four = p->at[0] >> 4 == 4, last = index + count == p->count;
    memcpy(heads, p->at, p->heads);
    if (four) {
        put16(heads + 2, p->heads + size);
        put16(heads + 4, (uint32_t)(p->at[4] << 8 | p->at[5]) + index);
        put16(heads + 10, 0);
        put16(heads + 10, (uint16_t)~folded(sum_of(heads, ip, 0)));
    } else {
        put16(heads + 4, rest);
    }
    uint8_t *next = heads + ip;
    bool udp = (four ? heads[9] : heads[6]) == 17;
    if (udp) {
        put16(next + 4, rest);
    } else {
        uint32_t sequence =
            (uint32_t)next[4] << 24 | (uint32_t)next[5] << 16 | (uint32_t)next[6] << 8 | next[7];
        sequence += index * p->each;
        put16(next + 4, sequence >> 16);
        put16(next + 6, sequence);
        if (!last)
            next[13] &= (uint8_t)~0x09; // FIN and PSH belong to the last
        if (index)
            next[13] &= (uint8_t)~0x80; // CWR to the first
    }
    uint32_t sum = four ? sum_of(heads + 12, 8, 0) : sum_of(heads + 8, 32, 0);
    put16(next + (udp ? 6 : 16), folded(sum + (udp ? 17 : 6) + rest));
    *head = p->head;
    head->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
    head->csum_start = (uint16_t)ip;
    head->csum_offset = udp ? 6 : 16;
    head->hdr_len = (uint16_t)p->heads;
    head->gso_size = count > 1 ? (uint16_t)p->each : 0;
    if (count == 1)
        head->gso_type = 0;
}

static void give(struct way *w, const struct piece *p, uint32_t index, uint32_t count, bool changed)
{
    struct virtio_net_hdr head = p->head;
    uint8_t heads[HEADS];
    uint32_t from = index * p->each, size = p->payload - from;
    if (size > count * p->each)
        size = count * p->each;
    uint8_t *at = (uint8_t *)p->at + p->heads + from, kept = 0;
    uint32_t where = size ? size - 1 - (uint32_t)(dice() % (size > 20 ? size - 20 : 1)) : 0;
    if (p->heads)
        heads_write(p, index, count, size, heads, &head);
    else
        head.gso_type = 0;
    if (changed) {
        // With a check sum that fits, so that nobody but the receiving program can find out.
        kept = at[where];
        at[where] ^= (uint8_t)(1 + dice() % 255);
    }
    struct iovec list[3] = {{&head, sizeof(head)}, {heads, p->heads}, {at, size}};
    ssize_t want = (ssize_t)(sizeof(head) + p->heads + size);
    if (writev(w->out, list, 3) != want)
        w->failed += count;
    if (changed)
        at[where] = kept;
    w->delivered += count;
}

static void deliver(struct way *w, uint64_t now)
{
    while (w->count && w->heap[0].due_ns <= now) {
        struct packet e = heap_pop(w);
        uint32_t count = 1;
        uint64_t late = now - e.due_ns;
        w->lateness_ns += late;
        if (late > w->lateness_most_ns)
            w->lateness_most_ns = late;
        // Neighbours of one piece that are due too go together.
        while (e.piece->heads && !e.changed && w->count && w->heap[0].due_ns <= now &&
               w->heap[0].piece == e.piece && w->heap[0].index == e.index + count &&
               !w->heap[0].changed) {
            w->lateness_ns += now - w->heap[0].due_ns;
            (void)heap_pop(w);
            piece_drop(e.piece);
            count++;
        }
        give(w, e.piece, e.index, count, e.changed);
        piece_drop(e.piece);
    }
}

// ---- devices

static int device_open(const char *space, bool offload)
{
    char path[128];
    int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), other, fd;
    struct ifreq wish = {.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR};
    unsigned both = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6;
    snprintf(path, sizeof(path), "/var/run/netns/%s", space);
    other = open(path, O_RDONLY | O_CLOEXEC);
    if (own < 0 || other < 0 || setns(other, CLONE_NEWNET) != 0)
        die(path);
    fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    strcpy(wish.ifr_name, "wan0");
    if (fd < 0 || ioctl(fd, TUNSETIFF, &wish) != 0)
        die("/dev/net/tun");
    if (offload && ioctl(fd, TUNSETOFFLOAD, both | TUN_F_USO4 | TUN_F_USO6) != 0 &&
        ioctl(fd, TUNSETOFFLOAD, both) != 0)
        die("offload");
    if (setns(own, CLONE_NEWNET) != 0)
        die("going back");
    close(other);
    close(own);
    return fd;
}

static void device_up(const char *space, const char *address, int most)
{
    char command[512];
    snprintf(
        command, sizeof(command),
        "ip -n %s link set lo up && ip -n %s addr add %s/30 dev wan0 && ip -n %s link set wan0 "
        "mtu %d txqueuelen 5000 up",
        space, space, address, space, most);
    if (system(command) != 0)
        exit(1);
}

static void report(const char *name, const struct way *w)
{
    printf("{\"way\":\"%s\",\"packets\":%llu,\"bytes\":%llu,\"lost\":%llu,\"dropped\":%llu,"
           "\"vanished\":%llu,\"delivered\":%llu,\"failed\":%llu,\"late_us\":%.1f,"
           "\"late_most_us\":%.0f}\n",
           name, (unsigned long long)w->packets, (unsigned long long)w->bytes,
           (unsigned long long)w->lost, (unsigned long long)w->dropped,
           (unsigned long long)w->vanished, (unsigned long long)w->delivered,
           (unsigned long long)w->failed,
           w->delivered ? (double)w->lateness_ns / 1e3 / (double)w->delivered : 0,
           (double)w->lateness_most_ns / 1e3);
    fflush(stdout);
}

static void help(void)
{
    fprintf(stderr,
            "wan A B [--rate MBIT] [--back MBIT] [--rtt MS] [--queue MS] [--loss %%] "
            "[--loss-back %%]\n    [--jitter MS] [--late %% --late-by MS] [--twice %%] "
            "[--changed %%] [--most BYTES]\n    [--mtu BYTES] [--plain] [--seed N]\n"
            "joins the network namespaces A (198.18.0.1) and B (198.18.0.2); prints \"ready\"; "
            "SIGTERM ends it with numbers\n");
    exit(2);
}

int main(int count, char **words)
{
    static const struct option options[] = {{"rate", 1, 0, 'r'},    {"back", 1, 0, 'R'},
                                            {"rtt", 1, 0, 'd'},     {"queue", 1, 0, 'q'},
                                            {"loss", 1, 0, 'l'},    {"loss-back", 1, 0, 'L'},
                                            {"jitter", 1, 0, 'j'},  {"late", 1, 0, 'o'},
                                            {"late-by", 1, 0, 'O'}, {"twice", 1, 0, 't'},
                                            {"changed", 1, 0, 'c'}, {"most", 1, 0, 'm'},
                                            {"mtu", 1, 0, 'M'},     {"plain", 0, 0, 'p'},
                                            {"seed", 1, 0, 's'},    {0}};
    double rate = 0, back = -1, rtt = 0, queue = 100, loss = 0, loss_back = -1, jitter = 0,
           late = 0, late_by = 20, twice = 0, changed = 0;
    int most = 65535, mtu = 1500, key;
    bool offload = true;
    while ((key = getopt_long(count, words, "", options, NULL)) != -1) {
        double value = optarg ? atof(optarg) : 0;
        switch (key) {
        case 'r':
            rate = value;
            break;
        case 'R':
            back = value;
            break;
        case 'd':
            rtt = value;
            break;
        case 'q':
            queue = value;
            break;
        case 'l':
            loss = value;
            break;
        case 'L':
            loss_back = value;
            break;
        case 'j':
            jitter = value;
            break;
        case 'o':
            late = value;
            break;
        case 'O':
            late_by = value;
            break;
        case 't':
            twice = value;
            break;
        case 'c':
            changed = value;
            break;
        case 'm':
            most = (int)value;
            break;
        case 'M':
            mtu = (int)value;
            break;
        case 'p':
            offload = false;
            break;
        case 's':
            seed ^= (uint64_t)value * 0x2545F4914F6CDD1Du;
            break;
        default:
            help();
        }
    }
    if (count - optind != 2)
        help();
    const char *a = words[optind], *b = words[optind + 1];
    struct way ways[2] = {0};
    for (int i = 0; i < 20; i++)
        dice();
    for (int i = 0; i < 2; i++) {
        double mbit = i && back >= 0 ? back : rate;
        ways[i] = (struct way){.ns_a_byte = mbit > 0 ? 8000 / mbit : 0,
                               .queue_ns = (uint64_t)(queue * 1e6),
                               .delay_ns = (uint64_t)(rtt * 5e5),
                               .jitter_ns = (uint64_t)(jitter * 1e6),
                               .late_ns = (uint64_t)(late_by * 1e6),
                               .loss = (i && loss_back >= 0 ? loss_back : loss) / 100,
                               .late = late / 100,
                               .twice = twice / 100,
                               .changed = changed / 100,
                               .most = (uint32_t)most};
    }
    ways[0].in = ways[1].out = device_open(a, offload);
    ways[1].in = ways[0].out = device_open(b, offload);
    device_up(a, "198.18.0.1", mtu);
    device_up(b, "198.18.0.2", mtu);
    signal(SIGTERM, on_signal);
    signal(SIGINT, on_signal);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    prctl(PR_SET_TIMERSLACK, 1);
    if (sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){.sched_priority = 10}) != 0)
        fprintf(stderr, "wan: runs without real-time priority, so it may be late\n");
    printf("ready\n");
    fflush(stdout);
    struct pollfd list[2] = {{ways[0].in, POLLIN, 0}, {ways[1].in, POLLIN, 0}};
    while (!stop) {
        uint64_t now = now_ns(), next = now + 1000000000u;
        for (int i = 0; i < 2; i++) {
            deliver(&ways[i], now);
            if (ways[i].count && ways[i].heap[0].due_ns < next)
                next = ways[i].heap[0].due_ns;
        }
        // Shorter sleeps than 50 us would only burn the processor that the ends need.
        now = now_ns();
        uint64_t wait = next > now ? next - now : 0;
        wait = wait && wait < 50000 ? 50000 : wait;
        struct timespec span = {(time_t)(wait / 1000000000u), (long)(wait % 1000000000u)};
        if (ppoll(list, 2, &span, NULL) <= 0)
            continue;
        bool more = true;
        for (int turn = 0; turn < 64 && more; turn++) {
            more = false;
            for (int i = 0; i < 2; i++)
                if (list[i].revents & POLLIN)
                    more = take(&ways[i]) || more;
        }
    }
    report("there", &ways[0]);
    report("back", &ways[1]);
    return 0;
}
