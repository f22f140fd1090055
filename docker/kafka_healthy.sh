#!/usr/bin/env bash
# `kafka_healthy.sh PORT`: Kafka's health check, without another Java. As landfall/stack/kafka.py has it: the user `landfall` signs in
# with LANDFALL_KAFKA_PASSWORD and is told of a broker, and nobody else gets in. One request is four bytes of size, its number, its
# version, four bytes to recognise the answer, and no name of a client.
port=$1

number() { # four bytes, the highest first
  printf '%b' "$(printf '\\x%02x\\x%02x\\x%02x\\x%02x' $(($1 >> 24 & 255)) $(($1 >> 16 & 255)) $(($1 >> 8 & 255)) $(($1 & 255)))"
}

answer() { # the bytes of one answer as decimal numbers, without its size and what recognises it
  local size bytes
  size=$(dd bs=1 count=4 <&3 2>/dev/null | od -An -tu1) || return 1
  read -r a b c d <<<"$size"
  [[ -n $d ]] || return 1
  size=$(((a << 24) + (b << 16) + (c << 8) + d))
  ((size >= 4 && size < 100000)) || return 1
  bytes=$(dd bs=1 count="$size" <&3 2>/dev/null | od -An -v -tu1 | tr -s ' \n' ' ')
  read -r _ _ _ _ bytes <<<"$bytes"
  echo "$bytes"
}

error() { # the number at the beginning of an answer
  read -r a b _ <<<"$1"
  [[ -n $b ]] && echo $(((a << 8) + b))
}

sign_in() { # says which error comes of it; 0 is none, 58 a wrong login
  local said
  printf '\0\0\0\x11\0\x11\0\1\0\0\0\1\xff\xff\0\5PLAIN' >&3
  said=$(error "$(answer)")
  [[ $said == 0 ]] || { echo "${said:-nothing}"; return; }
  local length=$((${#1} + ${#2} + 2))
  { number $((length + 14)); printf '\0\x24\0\0\0\0\0\1\xff\xff'; number "$length"; printf '\0%s\0%s' "$1" "$2"; } >&3
  said=$(error "$(answer)")
  echo "${said:-nothing}"
}

export LC_ALL=C # lengths are counted in bytes
exec 3<>"/dev/tcp/127.0.0.1/$port" || exit 1
said=$(sign_in landfall "$LANDFALL_KAFKA_PASSWORD")
[[ $said == 0 ]] || { echo "signing in as landfall: error $said" >&2; exit 1; }
printf '\0\0\0\x0e\0\3\0\1\0\0\0\1\xff\xff\0\0\0\0' >&3 # metadata of no topic: the brokers come first
read -r a b c d _ <<<"$(answer)"
((a + b + c + d > 0)) || { echo "no broker takes records yet" >&2; exit 1; }
exec 3<&- 3>&-
exec 3<>"/dev/tcp/127.0.0.1/$port" || exit 1
said=$(sign_in nobody nothing)
[[ $said == 58 ]] || { echo "a login with a wrong password: error $said, expected 58" >&2; exit 1; }
