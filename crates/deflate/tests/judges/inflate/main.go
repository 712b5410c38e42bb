// inflate reads pairs of bytes and what they were compressed to, and says whether Go's decoders agree. The frame of a
// pair: two lengths of four bytes, lowest first, a byte that is 0 for raw deflate and 1 for gzip, the bytes, the stream.
package main

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

func main() {
	count := 0
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	for {
		err := judge(in)
		if errors.Is(err, errEnd) {
			fmt.Println(count)
			return
		}
		if err != nil {
			fmt.Fprintf(os.Stderr, "pair %d: %v\n", count, err)
			os.Exit(1)
		}
		count++
	}
}

var (
	errEnd   = errors.New("the end")
	raw      = flate.NewReader(bytes.NewReader(nil))
	member   gzip.Reader
	bytesIn  []byte
	streamIn []byte
	back     bytes.Buffer
)

func judge(in io.Reader) error {
	var head [9]byte
	if _, err := io.ReadFull(in, head[:]); err == io.EOF {
		return errEnd
	} else if err != nil {
		return err
	}
	bytesIn = resize(bytesIn, binary.LittleEndian.Uint32(head[:]))
	streamIn = resize(streamIn, binary.LittleEndian.Uint32(head[4:]))
	for _, part := range [][]byte{bytesIn, streamIn} {
		if _, err := io.ReadFull(in, part); err != nil {
			return err
		}
	}
	stream := bytes.NewReader(streamIn)
	decoder, err := open(stream, head[8])
	if err != nil {
		return err
	}
	back.Reset()
	if _, err := back.ReadFrom(decoder); err != nil {
		return err
	}
	if stream.Len() != 0 {
		return fmt.Errorf("%d bytes follow the stream", stream.Len())
	}
	if !bytes.Equal(back.Bytes(), bytesIn) {
		return errors.New("other bytes came back")
	}
	return nil
}

func open(stream *bytes.Reader, kind byte) (io.Reader, error) {
	if kind == 0 {
		return raw, raw.(flate.Resetter).Reset(stream, nil)
	}
	if err := member.Reset(stream); err != nil {
		return nil, err
	}
	member.Multistream(false)
	return &member, nil
}

func resize(buffer []byte, length uint32) []byte {
	if uint32(cap(buffer)) < length {
		return make([]byte, length)
	}
	return buffer[:length]
}
