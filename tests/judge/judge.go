// SPDX-License-Identifier: Apache-2.0

// Judge audits a whole transparency log (c2sp.org/tlog-tiles) with code that shares nothing with the server's: the Go
// checksum database's own packages. It fetches the checkpoint, every entry bundle and every hash tile, computes the
// tree anew from the entries, and compares byte for byte.
//
// It never uses tlog.TileHashReader: in the packaged version (x/mod 0.7) that accepts forged tiles (CVE-2026-56865).
//
//	judge BASE LOG_VKEY [WITNESS_VKEY…] [--old SIZE ROOT_BASE64] [--proof FILE --leaf FILE]
//
// BASE is a folder or a URL that starts with http://127.0.0.1. Each witness named must have cosigned. Prints
// "ok size=… root=…" and exits 0, or prints one line that says why not and exits 1 (2 for a wrong command line).
package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	tileHeight  = 8
	tileWidth   = 1 << tileHeight
	maxFetch    = tileWidth * (2 + 65535) // a bundle of the longest entries
	proofHeader = "c2sp.org/tlog-proof@v1"
	cosignature = 4 // algorithm byte of cosignature/v1
)

type oldTree struct {
	size int64
	root tlog.Hash
}

type options struct {
	base      string
	log       note.Verifier
	witnesses []note.Verifier
	old       *oldTree
	proof     string
	leaf      string
}

type checkpoint struct {
	size int64
	root tlog.Hash
}

// cosigner verifies cosignature/v1: u64 time ‖ Ed25519 over "cosignature/v1\ntime N\n" ‖ note text.
type cosigner struct {
	name string
	id   uint32
	key  ed25519.PublicKey
}

func (c *cosigner) Name() string    { return c.name }
func (c *cosigner) KeyHash() uint32 { return c.id }
func (c *cosigner) Verify(msg, sig []byte) bool {
	if len(sig) != 8+ed25519.SignatureSize {
		return false
	}
	head := fmt.Sprintf("cosignature/v1\ntime %d\n", binary.BigEndian.Uint64(sig))
	return ed25519.Verify(c.key, append([]byte(head), msg...), sig[8:])
}

func newCosigner(vkey string) (note.Verifier, error) {
	parts := strings.SplitN(vkey, "+", 3)
	if len(parts) != 3 {
		return nil, errors.New("malformed witness key")
	}
	id, err := hex.DecodeString(parts[1])
	if err != nil || len(id) != 4 {
		return nil, errors.New("malformed witness key id")
	}
	key, err := base64.StdEncoding.Strict().DecodeString(parts[2])
	if err != nil || len(key) != 1+ed25519.PublicKeySize || key[0] != cosignature {
		return nil, errors.New("a witness key must be of algorithm 0x04")
	}
	sum := sha256.Sum256([]byte(parts[0] + "\n" + string(key)))
	if !bytes.Equal(sum[:4], id) {
		return nil, errors.New("witness key id does not match its key")
	}
	return &cosigner{parts[0], binary.BigEndian.Uint32(id), key[1:]}, nil
}

func (o *options) get(path string) ([]byte, error) {
	if !strings.HasPrefix(o.base, "http://") {
		return os.ReadFile(filepath.Join(o.base, filepath.FromSlash(path)))
	}
	client := http.Client{Timeout: 30 * time.Second}
	response, err := client.Get(strings.TrimSuffix(o.base, "/") + "/" + path)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: HTTP %d", path, response.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxFetch+1))
	if err == nil && len(body) > maxFetch {
		err = fmt.Errorf("%s: too long", path)
	}
	return body, err
}

func decimal(text string) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || strconv.FormatInt(n, 10) != text {
		return 0, fmt.Errorf("%q is not a plain decimal number", text)
	}
	return n, nil
}

func hash(text string) (tlog.Hash, error) {
	var h tlog.Hash
	b, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || len(b) != len(h) || strings.ContainsAny(text, "\r\n") {
		return h, fmt.Errorf("%q is not a hash", text)
	}
	copy(h[:], b)
	return h, nil
}

// openCheckpoint demands a signature by the log and, of `witnesses`, by each; a bad one by any known key is fatal.
func (o *options) openCheckpoint(text []byte, witnesses []note.Verifier) (checkpoint, error) {
	var c checkpoint
	known := append([]note.Verifier{o.log}, o.witnesses...)
	n, err := note.Open(text, note.VerifierList(known...))
	if err != nil {
		return c, fmt.Errorf("checkpoint: %v", err)
	}
	for _, v := range append([]note.Verifier{o.log}, witnesses...) {
		found := false
		for _, s := range n.Sigs {
			found = found || (s.Name == v.Name() && s.Hash == v.KeyHash())
		}
		if !found {
			return c, fmt.Errorf("checkpoint: no signature by %s", v.Name())
		}
	}
	lines := strings.Split(n.Text, "\n")
	if len(lines) != 4 || lines[3] != "" {
		return c, errors.New("checkpoint: not three lines")
	}
	if lines[0] != o.log.Name() {
		return c, fmt.Errorf("checkpoint: origin %q", lines[0])
	}
	if c.size, err = decimal(lines[1]); err != nil {
		return c, fmt.Errorf("checkpoint: %v", err)
	}
	if c.root, err = hash(lines[2]); err != nil {
		return c, fmt.Errorf("checkpoint: %v", err)
	}
	return c, nil
}

// tilePath spells a tile as tlog-tiles does; level -1 is the entry bundle.
func tilePath(t tlog.Tile) string {
	return "tile/" + strings.Replace(strings.TrimPrefix(t.Path(), "tile/8/"), "data/", "entries/", 1)
}

// tilesOf lists the tiles of one level that hold `nodes` hashes.
func tilesOf(level int, nodes int64) []tlog.Tile {
	var tiles []tlog.Tile
	for n := int64(0); n*tileWidth < nodes; n++ {
		width := nodes - n*tileWidth
		if width > tileWidth {
			width = tileWidth
		}
		tiles = append(tiles, tlog.Tile{H: tileHeight, L: level, N: n, W: int(width)})
	}
	return tiles
}

// replay computes every hash of the log from its entries.
func (o *options) replay(size int64) ([]tlog.Hash, error) {
	var stored []tlog.Hash
	reader := readerOf(&stored)
	index := int64(0)
	for _, tile := range tilesOf(-1, size) {
		path := tilePath(tile)
		bundle, err := o.get(path)
		if err != nil {
			return nil, err
		}
		for i := 0; i < tile.W; i++ {
			if len(bundle) < 2 || len(bundle)-2 < int(binary.BigEndian.Uint16(bundle)) {
				return nil, fmt.Errorf("%s: cut short", path)
			}
			length := int(binary.BigEndian.Uint16(bundle))
			hashes, err := tlog.StoredHashes(index, bundle[2:2+length], reader)
			if err != nil {
				return nil, err
			}
			stored = append(stored, hashes...)
			bundle = bundle[2+length:]
			index++
		}
		if len(bundle) != 0 {
			return nil, fmt.Errorf("%s: more than its entries", path)
		}
	}
	return stored, nil
}

func readerOf(stored *[]tlog.Hash) tlog.HashReaderFunc {
	return func(indexes []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(indexes))
		for i, x := range indexes {
			if x < 0 || x >= int64(len(*stored)) {
				return nil, fmt.Errorf("no stored hash %d", x)
			}
			out[i] = (*stored)[x]
		}
		return out, nil
	}
}

func (o *options) compareTiles(size int64, reader tlog.HashReader) error {
	for level, nodes := 0, size; nodes > 0; level, nodes = level+1, nodes>>tileHeight {
		for _, tile := range tilesOf(level, nodes) {
			want, err := tlog.ReadTileData(tile, reader)
			if err != nil {
				return err
			}
			got, err := o.get(tilePath(tile))
			if err != nil {
				return err
			}
			if !bytes.Equal(got, want) {
				return fmt.Errorf("%s: not the hashes of the entries", tilePath(tile))
			}
		}
	}
	return nil
}

func checkGrowth(old oldTree, c checkpoint, reader tlog.HashReader) error {
	if old.size > c.size {
		return fmt.Errorf("the log shrank from %d to %d", old.size, c.size)
	}
	if old.size == 0 {
		if old.root != tlog.Hash(sha256.Sum256(nil)) {
			return errors.New("an empty older log with a root of its own")
		}
		return nil
	}
	proof, err := tlog.ProveTree(c.size, old.size, reader)
	if err == nil {
		err = tlog.CheckTree(proof, c.size, c.root, old.size, old.root)
	}
	if err != nil {
		return fmt.Errorf("not a continuation of size %d: %v", old.size, err)
	}
	return nil
}

func (o *options) checkReceipt(current checkpoint, reader tlog.HashReader) error {
	text, err := os.ReadFile(o.proof)
	if err != nil {
		return err
	}
	leaf, err := os.ReadFile(o.leaf)
	if err != nil {
		return err
	}
	head, signed, found := strings.Cut(string(text), "\n\n")
	lines := strings.Split(head, "\n")
	if !found || lines[0] != proofHeader {
		return errors.New("receipt: not a tlog-proof@v1")
	}
	lines = lines[1:]
	if len(lines) > 0 && strings.HasPrefix(lines[0], "extra ") {
		lines = lines[1:]
	}
	if len(lines) == 0 || !strings.HasPrefix(lines[0], "index ") {
		return errors.New("receipt: no index")
	}
	index, err := decimal(strings.TrimPrefix(lines[0], "index "))
	if err != nil {
		return fmt.Errorf("receipt: %v", err)
	}
	var proof tlog.RecordProof
	for _, line := range lines[1:] {
		h, err := hash(line)
		if err != nil {
			return fmt.Errorf("receipt: %v", err)
		}
		proof = append(proof, h)
	}
	c, err := o.openCheckpoint([]byte(signed), nil)
	if err != nil {
		return fmt.Errorf("receipt: %v", err)
	}
	if index >= c.size {
		return errors.New("receipt: an index outside its tree")
	}
	if err := tlog.CheckRecord(proof, c.size, c.root, index, tlog.RecordHash(leaf)); err != nil {
		return fmt.Errorf("receipt: %v", err)
	}
	// It must speak of this very log, at this or an earlier size.
	if err := checkGrowth(oldTree{c.size, c.root}, current, reader); err != nil {
		return fmt.Errorf("receipt: %v", err)
	}
	return nil
}

func (o *options) audit() (checkpoint, error) {
	text, err := o.get("checkpoint")
	if err != nil {
		return checkpoint{}, err
	}
	c, err := o.openCheckpoint(text, o.witnesses)
	if err != nil {
		return c, err
	}
	stored, err := o.replay(c.size)
	if err != nil {
		return c, err
	}
	reader := readerOf(&stored)
	root := tlog.Hash(sha256.Sum256(nil)) // x/mod gives an empty tree a root of zeros
	if c.size > 0 {
		if root, err = tlog.TreeHash(c.size, reader); err != nil {
			return c, err
		}
	}
	if root != c.root {
		return c, errors.New("the entries do not have the root that was signed")
	}
	if err := o.compareTiles(c.size, reader); err != nil {
		return c, err
	}
	if o.old != nil {
		if err := checkGrowth(*o.old, c, reader); err != nil {
			return c, err
		}
	}
	if o.proof != "" {
		return c, o.checkReceipt(c, reader)
	}
	return c, nil
}

func parseArguments(args []string) (*options, error) {
	o := &options{}
	var plain []string
	for len(args) > 0 {
		take := map[string]int{"--old": 3, "--proof": 2, "--leaf": 2}[args[0]]
		if take == 0 {
			plain, args = append(plain, args[0]), args[1:]
			continue
		}
		if len(args) < take {
			return nil, fmt.Errorf("%s needs %d arguments", args[0], take-1)
		}
		switch args[0] {
		case "--old":
			size, err := decimal(args[1])
			if err != nil {
				return nil, err
			}
			root, err := hash(args[2])
			if err != nil {
				return nil, err
			}
			o.old = &oldTree{size, root}
		case "--proof":
			o.proof = args[1]
		case "--leaf":
			o.leaf = args[1]
		}
		args = args[take:]
	}
	if len(plain) < 2 || (o.proof == "") != (o.leaf == "") || strings.HasPrefix(plain[0], "-") {
		return nil, errors.New("usage: judge BASE LOG_VKEY [WITNESS_VKEY…] [--old SIZE ROOT] [--proof FILE --leaf FILE]")
	}
	o.base = plain[0]
	if rest := strings.TrimPrefix(o.base, "http://127.0.0.1"); strings.Contains(o.base, "://") &&
		(rest == o.base || (rest != "" && rest[0] != ':' && rest[0] != '/') || strings.Contains(rest, "@")) {
		return nil, errors.New("only http://127.0.0.1 is audited")
	}
	var err error
	if o.log, err = note.NewVerifier(plain[1]); err != nil {
		return nil, err
	}
	for _, vkey := range plain[2:] {
		witness, err := newCosigner(vkey)
		if err != nil {
			return nil, err
		}
		o.witnesses = append(o.witnesses, witness)
	}
	return o, nil
}

func main() {
	o, err := parseArguments(os.Args[1:])
	if err != nil {
		fmt.Println(err)
		os.Exit(2)
	}
	c, err := o.audit()
	if err != nil {
		fmt.Println("rejected:", strings.ReplaceAll(err.Error(), "\n", " "))
		os.Exit(1)
	}
	fmt.Printf("ok size=%d root=%s\n", c.size, base64.StdEncoding.EncodeToString(c.root[:]))
}
