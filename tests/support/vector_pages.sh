# To be sourced before the folder is changed. The pages of the launch vectors (platform notes, section 8).

# vector_page N: page p for 0, q for 1. Byte i is (7 i + N + i / 256) mod 256.
vector_page() {
    local i one text=
    for ((i = 0; i < 4096; i++)); do
        printf -v one '\\x%02x' $(((i * 7 + $1 + (i >> 8)) & 255))
        text+=$one
    done
    printf "$text"
}

# Writes them as files p and q of this folder.
vector_pages() {
    vector_page 0 >p
    vector_page 1 >q
}
