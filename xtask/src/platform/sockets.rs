//! Whose sockets listen, as Linux tells it; the other systems have no such tables.

/// Sockets, with the users that opened them.
const TABLES: [&str; 2] = ["/proc/self/net/tcp", "/proc/self/net/tcp6"];

pub(in crate::platform) fn listeners(port: u16) -> Option<Vec<u32>> {
    let tables: Vec<String> = TABLES.iter().filter_map(|table| std::fs::read_to_string(table).ok()).collect();
    (!tables.is_empty()).then(|| tables.iter().flat_map(|table| listening(table, port)).collect())
}

/// The users whose sockets a table of the kernel has as listening at this port, at whatever address.
fn listening(table: &str, port: u16) -> impl Iterator<Item = u32> {
    const LISTENS: &str = "0A";
    table.lines().skip(1).filter_map(move |line| {
        let mut words = line.split_ascii_whitespace();
        let (_, at) = words.nth(1)?.rsplit_once(':')?;
        let is_it = u16::from_str_radix(at, 16).ok()? == port && words.nth(1)? == LISTENS;
        // The state is followed by queues, timer and retries.
        words.nth(3)?.parse().ok().filter(|_| is_it)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:16EF 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4711 1 ffff 100 0 0 10 0
   1: 00000000:1538 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4712 1 ffff 100 0 0 10 0
   2: 0100007F:1538 0100007F:9C40 01 00000000:00000000 02:000A7C3B 00000000    70        0 4713 1 ffff 100 0 0 10 0
   3: 0100007F:16EF
";

    #[test]
    fn only_those_that_listen_at_the_port_are_found() {
        let of = |port: u16| listening(TABLE, port).collect::<Vec<u32>>();
        assert_eq!((of(0x16ef), of(0x1538), of(80)), (vec![1000], vec![0], vec![]));
        let six = TABLE.replace("0100007F:16EF", "00000000000000000000000001000000:16EF");
        assert_eq!(listening(&six, 0x16ef).collect::<Vec<u32>>(), [1000]);
    }
}
