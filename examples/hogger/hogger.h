/* The VMM: what its files know of each other. It knows the kernel's interface, libc and nothing else. */
#ifndef HOGGER_H
#define HOGGER_H

#include "guest_memfd_uapi.h"
#include "layout.h"

#include <stddef.h>
#include <stdio.h>

#define MIB (UINT64_C(1) << 20)

enum mode { IN_PLACE, TWO_SOURCE };
enum switch_ { OFF, ON };

struct options {
    double seconds;
    uint64_t steps, seed, size, run_pages;
    uint32_t vcpus;
    enum mode mode;
    enum rule rule;
    enum work work;
    enum switch_ device, holder, filter, punch, populate;
    uint64_t corrupt_before, corrupt_after; /* the n-th conversion to shared, before or after the VMM's own check; 0: none */
    enum switch_ figures; /* numbers for programs instead of a text */
    const char *log, *platform;
};

/* One of the guest's two halves. */
struct back_end {
    uint64_t gpa, size;
    int memory;            /* the guest_memfd */
    int shared;            /* what the host maps: the same file, or with two sources a file of its own */
    unsigned char *window; /* the host's mapping of it */
    const char *name;
};

enum sizes { UP_TO_PAGE, UP_TO_64K, UP_TO_1M, UP_TO_2M, SIZES };

/* What one vCPU's conversions came to. Its thread's own. */
struct tally {
    uint64_t conversions[2][SIZES], kinds[KINDS];
    uint64_t ioctl_nanoseconds;
    uint64_t again, resumed, checked_bytes, out_of_reach, copied_bytes;
};

/* What single conversions took of the processor, for medians. */
enum { MOST_SAMPLES = 4096 };
struct samples {
    uint32_t count;
    uint64_t whole[MOST_SAMPLES], in_ioctl[MOST_SAMPLES];
};

struct machine {
    struct options options;
    int kvm, vm;
    struct back_end ends[2];
    struct tally tally[MAX_VCPUS];
    struct samples samples[MAX_VCPUS][2];
    int kicks[MAX_VCPUS], calls[MAX_VCPUS];
    uint64_t latest_shared; /* where somebody has just had pages made shared */
};

/* Says one sentence and ends the program with 1. */
void fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
uint64_t nanoseconds(void);
uint64_t processor_nanoseconds(void); /* that this thread has used */

/* memory.c */
void memory_create(struct machine *m);
struct back_end *end_of(struct machine *m, uint64_t gpa);
unsigned char *host_at(struct machine *m, uint64_t gpa); /* its shared side */
static inline struct board *board_of(struct machine *m) { return (struct board *)(void *)host_at(m, BOARD); }
static inline struct desk *desk_of(struct machine *m, uint32_t vcpu) { return (struct desk *)(void *)host_at(m, DESKS + (uint64_t)vcpu * DESK_SIZE); }
static inline struct record *record_of(struct machine *m, uint64_t page) { return (struct record *)(void *)host_at(m, RECORDS) + page; }
static inline const uint64_t *template_of(struct machine *m) { return (const uint64_t *)(void *)host_at(m, TEMPLATE); }

/* numa.c: interleave on one back end, bind on the other. */
void place(const struct back_end *e, int interleave);

/* guest_load.c: the system's pages, and what the data pages hold at the beginning. */
uint64_t first_data_page(const struct options *o);
void guest_load(struct machine *m);

/* convert.c: what the guest asked for. Returns when it is done, however often the kernel said EAGAIN. */
void convert(struct machine *m, uint32_t vcpu, uint64_t gpa, uint64_t size, int to_private);

/* check.c: every byte of what has just been converted, before the guest goes on. */
void check_converted(struct machine *m, uint32_t vcpu, uint64_t gpa, uint64_t size, int to_private);
void watch_sigbus(void);
int can_read(const volatile unsigned char *at); /* a host access that may raise SIGBUS */
/* The first word of a page that is not as it should be, or -1. `expected`: what it should be (for noise: what it must not be). */
int64_t first_wrong(const uint64_t *words, const uint64_t *words_of_template, const struct record *r, uint64_t page, enum rule rule, uint64_t *expected);
void wrong_byte(struct machine *m, uint32_t vcpu, uint64_t gpa, uint64_t expected, uint64_t found, const char *when) __attribute__((noreturn));

/* A vCPU begins with what is to be measured; until then it has taken its memory for the first time. */
void measure_from_here(struct machine *m, uint32_t vcpu);

/* vcpu.c */
extern _Atomic uint32_t vcpus_done;
void *vcpu_main(void *machine_and_number);
struct vcpu_arguments { struct machine *m; uint32_t number; };

/* device.c: the second process, and what the VMM says to it. */
struct device { int socket, pid; };
struct device_report { uint64_t requests, checked_bytes, out_of_reach; };
struct device device_start(struct machine *m);
void device_look(const struct device *d); /* a device that has gone ends the run */
struct device_report device_stop(struct device *d);
int device_process(int socket); /* main() of that process */

/* holder.c: takes pages hostage for a moment, as a device model's zero-copy output does. */
void *holder_main(void *machine);
extern _Atomic int holder_stop;

/* filter.c: from here on this thread may do what a vCPU thread needs, and nothing else. */
void filter_this_thread(void);

/* log.c: a line for each conversion, as QEMU's trace event kvm_convert_memory writes it. */
void log_open(const char *path);
void log_conversion(uint64_t gpa, uint64_t size, int to_private);
void log_again(const char *back_end, uint64_t offset);

/* options.c: fills in what was not said. Returns 0, or 2 with a sentence. */
int options_read(struct options *o, int argc, char **argv);

/* report.c */
struct summary { uint64_t nanoseconds, peak_bytes, faults; struct device_report device; };
void report(struct machine *m, const struct summary *s);

/* usage.c */
struct usage { uint64_t peak_bytes, faults; };
void usage_sample(struct usage *u, int other_process);
uint64_t usage_faults(void);

#endif
