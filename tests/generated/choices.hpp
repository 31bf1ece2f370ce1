#pragma once
// Where a generated sequence gets its decisions from: a random stream, or the bytes that a fuzzer mutates. One generator serves both.

#include "tests/generated/operation.hpp"

#include <algorithm>
#include <cstddef>
#include <span>

namespace gmem::generated {

class Choices {
public:
    Choices() = default;
    Choices(Choices const &) = delete;
    virtual ~Choices() = default;

    // A number in [0, n). n > 0.
    virtual Number below(Number n) = 0;
    virtual bool exhausted() const = 0;

    bool one_in(Number n) { return below(n) == 0; }
};

// splitmix64: fast, and the same everywhere.
class RandomChoices final : public Choices {
public:
    explicit RandomChoices(Number seed) : state_ { seed } {}
    Number below(Number n) override
    {
        state_ += 0x9e3779b97f4a7c15;
        auto z { state_ };
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
        z = (z ^ z >> 27) * 0x94d049bb133111eb;
        return (z ^ z >> 31) % n;
    }
    bool exhausted() const override { return false; }

private:
    Number state_;
};

// As few bytes a decision as it needs, so that a mutation of a byte is a mutation of one decision.
constexpr std::size_t bytes_for(Number n) { return n <= 1 ? 0 : n <= 1u << 8 ? 1 : n <= 1u << 16 ? 2 : 4; }

class ByteChoices final : public Choices {
public:
    explicit ByteChoices(std::span<std::uint8_t const> bytes) : bytes_ { bytes } {}
    Number below(Number n) override
    {
        Number value { 0 };
        for (std::size_t i { 0 }; i < bytes_for(n) && !bytes_.empty(); ++i) {
            value |= Number { bytes_.front() } << 8 * i;
            bytes_ = bytes_.subspan(1);
        }
        return value % n;
    }
    bool exhausted() const override { return bytes_.empty(); }

private:
    std::span<std::uint8_t const> bytes_;
};

// Writes down what another source decides, as ByteChoices would read it: how the seed corpus is made.
class RecordedChoices final : public Choices {
public:
    explicit RecordedChoices(Choices &source) : source_ { source } {}
    Number below(Number n) override
    {
        auto const value { source_.below(n) };
        for (std::size_t i { 0 }; i < bytes_for(n); ++i)
            bytes_.push_back(static_cast<std::uint8_t>(value >> 8 * i));
        return value;
    }
    bool exhausted() const override { return source_.exhausted(); }
    std::vector<std::uint8_t> const &bytes() const { return bytes_; }

private:
    Choices &source_;
    std::vector<std::uint8_t> bytes_;
};

} // namespace gmem::generated
