/* The guest's driver of the device in the other process: buffers are made shared, offered in a virtqueue, and made private again. */
#include "guest.h"

static void offer(struct vcpu *v, uint64_t page, uint64_t pages, enum operation operation, uint32_t tag, uint32_t new_tag)
{
    struct queue *q = v->queue;
    uint64_t base = QUEUES + v->number * PAGE;
    q->request.operation = operation;
    q->request.tag = tag;
    q->request.new_tag = new_tag;
    q->status = STATUS_PENDING;
    uint16_t head = (uint16_t)(q->available.index * 3 % 15); /* three in a row, never the same place twice in turn */
    q->descriptors[head].gpa = base + __builtin_offsetof(struct queue, request);
    q->descriptors[head].length = sizeof q->request;
    q->descriptors[head].flags = DESCRIPTOR_NEXT;
    q->descriptors[head].next = (uint16_t)(head + 1);
    q->descriptors[head + 1].gpa = page * PAGE;
    q->descriptors[head + 1].length = (uint32_t)(pages * PAGE);
    q->descriptors[head + 1].flags = DESCRIPTOR_NEXT | DESCRIPTOR_WRITE;
    q->descriptors[head + 1].next = (uint16_t)(head + 2);
    q->descriptors[head + 2].gpa = base + __builtin_offsetof(struct queue, status);
    q->descriptors[head + 2].length = sizeof q->status;
    q->descriptors[head + 2].flags = DESCRIPTOR_WRITE;
    q->available.ring[q->available.index % QUEUE_SIZE] = head;
    __atomic_thread_fence(__ATOMIC_RELEASE);
    q->available.index = (uint16_t)(q->available.index + 1);
}

/* Returns the status of the request. */
static uint32_t ask(struct vcpu *v, uint64_t page, uint64_t pages, enum operation operation, uint32_t tag, uint32_t new_tag)
{
    offer(v, page, pages, operation, tag, new_tag);
    tell(PORT_KICK);
    while (v->queue->used.index == v->seen)
        tell(PORT_WAIT);
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    ++v->seen;
    ++v->desk->requests;
    return *(volatile uint32_t *)&v->queue->status;
}

static void expect(struct vcpu *v, uint64_t page, uint32_t status, uint32_t expected)
{
    if (status != expected)
        wrong(v, page * PAGE, expected, status, WRONG_STATUS);
}

void device_round(struct vcpu *v)
{
    uint64_t pages = 1 + below(v, IO_PAGES), page = v->first + below(v, v->end - v->first - pages + 1);
    convert(v, page, pages, 0);
    uint32_t tag = ++v->next_tag, new_tag = ++v->next_tag;
    for (uint64_t i = 0; i < pages; ++i)
        set(v, page + i, tag);
    expect(v, page, ask(v, page, pages, OPERATION_REPLACE, tag, new_tag), STATUS_DONE);
    for (uint64_t i = 0; i < pages; ++i) {
        record(page + i)->tag = new_tag;
        check(v, page + i, WRONG_FROM_DEVICE);
    }
    convert(v, page, pages, 1);
    if (board()->probes)
        expect(v, page, ask(v, page, pages, OPERATION_PROBE, 0, 0), STATUS_OUT_OF_REACH);
    for (uint64_t i = 0; i < pages; ++i)
        check(v, page + i, WRONG_AFTER_CONVERSION);
}
