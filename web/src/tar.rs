//! A few small files as one archive in the ustar format (POSIX.1-1988), which every system unpacks.

const BLOCK: usize = 512;

/// An archive that files are added to.
#[derive(Debug, Default)]
pub(crate) struct Archive(Vec<u8>);

impl Archive {
    /// Adds a file that everybody may read. The name has at most 99 bytes.
    pub(crate) fn add(&mut self, name: &str, bytes: &[u8]) {
        let mut header = [0u8; BLOCK];
        let mut put = |at: usize, text: &[u8]| header[at..at + text.len()].copy_from_slice(text);
        put(0, name.as_bytes().get(..99).unwrap_or(name.as_bytes()));
        put(100, b"0000644\0");
        put(108, b"0000000\0");
        put(116, b"0000000\0");
        put(124, format!("{:011o}\0", bytes.len()).as_bytes());
        put(136, b"00000000000\0");
        put(156, b"0");
        put(257, b"ustar\x0000");
        // The sum is taken with blanks in its own place.
        put(148, b"        ");
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        self.0.extend(header);
        self.0.extend(bytes);
        self.0.resize(self.0.len().next_multiple_of(BLOCK), 0);
    }

    /// The whole archive, with the two empty blocks that end it.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.0.resize(self.0.len() + 2 * BLOCK, 0);
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_stands_behind_a_header_that_says_its_name_and_size() {
        let mut archive = Archive::default();
        archive.add("batch-7/rings.csv", &[b'x'; 600]);
        archive.add("empty", b"");
        let bytes = archive.finish();
        assert_eq!(bytes.len(), BLOCK + 1024 + BLOCK + 1024);
        assert_eq!(&bytes[..18], b"batch-7/rings.csv\0");
        assert_eq!(&bytes[124..136], b"00000001130\0");
        let sum: u32 = bytes[..BLOCK].iter().map(|byte| u32::from(*byte)).sum();
        let written: u32 = bytes[148..156].iter().map(|byte| u32::from(*byte)).sum();
        assert_eq!(&bytes[148..156], format!("{:06o}\0 ", sum - written + 8 * 32).as_bytes());
        assert_eq!(&bytes[512..1112], &[b'x'; 600]);
        assert_eq!(&bytes[1536..1541], b"empty");
    }
}
