/* The guest, inside: a vCPU's state and what its files call in each other. */
#ifndef HOGGER_GUEST_H
#define HOGGER_GUEST_H

#include "layout.h"

struct vcpu {
    uint32_t number;
    uint32_t next_tag;
    uint64_t dice;
    uint64_t first, end; /* its pages */
    struct desk *desk;
    struct queue *queue;
    uint16_t seen; /* of the used ring */
};

#define AT(type, gpa) ((type *)(uintptr_t)(gpa))
static inline struct board *board(void) { return AT(struct board, BOARD); }
static inline struct record *record(uint64_t page) { return AT(struct record, RECORDS) + page; }
static inline uint64_t below(struct vcpu *v, uint64_t limit) { return (xorshift(&v->dice) >> 11) % limit; }

long map_gpa_range(uint64_t gpa, uint64_t pages, uint64_t attributes);
void tell(enum port port);

/* guest_pages.c */
void fill(struct vcpu *v, uint64_t page);
void set(struct vcpu *v, uint64_t page, uint32_t tag);
void check(struct vcpu *v, uint64_t page, enum wrong_where where);
void wrong(struct vcpu *v, uint64_t gpa, uint64_t expected, uint64_t found, enum wrong_where where) __attribute__((noreturn));
void convert(struct vcpu *v, uint64_t page, uint64_t pages, int to_private);

/* guest_ring.c */
void device_round(struct vcpu *v);

/* guest_main.c */
void guest_main(uint32_t number);

#endif
