package main

import (
	"encoding/binary"
	"io"
	"net"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// claimed are the domains whose names lead to the engine: every AWS endpoint (on.aws has ECR's dual-stack hosts), and
// the mirror of public images.
var claimed = []string{"amazonaws.com.", "amazonaws.com.cn.", "api.aws.", "on.aws.", "public.ecr.aws.", "mirror.tokendocker.internal."}

// A resolver answers claimed names with the gateway's address and asks upstream for all others.
type resolver struct {
	gateway  [4]byte
	upstream string
}

func isClaimed(name string) bool {
	name = strings.ToLower(name)
	for _, domain := range claimed {
		if name == domain || strings.HasSuffix(name, "."+domain) {
			return true
		}
	}
	return false
}

// answer returns the reply to a query for a claimed name, and false if the query is upstream's to answer. A claimed
// name has an IPv4 address and nothing else: every other type is an empty answer, never one from outside.
func (r resolver) answer(query []byte) ([]byte, bool) {
	var m dnsmessage.Message
	if m.Unpack(query) != nil || len(m.Questions) != 1 || !isClaimed(m.Questions[0].Name.String()) {
		return nil, false
	}
	q := m.Questions[0]
	m.Header = dnsmessage.Header{ID: m.ID, Response: true, Authoritative: true, RecursionDesired: m.RecursionDesired, RecursionAvailable: true}
	m.Answers, m.Authorities, m.Additionals = nil, nil, nil
	if q.Type == dnsmessage.TypeA {
		m.Answers = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, TTL: 5},
			Body:   &dnsmessage.AResource{A: r.gateway},
		}}
	}
	reply, err := m.Pack()
	return reply, err == nil
}

func (r resolver) servePackets(conn net.PacketConn) error {
	for {
		query := make([]byte, 4096)
		n, from, err := conn.ReadFrom(query)
		if err != nil {
			return err
		}
		go func() {
			reply, ok := r.answer(query[:n])
			if !ok {
				reply, ok = r.forward("udp", query[:n])
			}
			if ok {
				_, _ = conn.WriteTo(reply, from)
			}
		}()
	}
}

// serveStream answers queries over TCP, each preceded by its length (RFC 1035, 4.2.2).
func (r resolver) serveStream(c net.Conn) {
	defer c.Close()
	for {
		_ = c.SetDeadline(time.Now().Add(10 * time.Second))
		query, err := readMessage(c)
		if err != nil {
			return
		}
		reply, ok := r.answer(query)
		if !ok {
			reply, ok = r.forward("tcp", query)
		}
		if !ok || writeMessage(c, reply) != nil {
			return
		}
	}
}

// forward asks upstream over UDP, and again over TCP if the client speaks TCP and the answer was cut short. Not every
// upstream answers over TCP.
func (r resolver) forward(client string, query []byte) ([]byte, bool) {
	reply, err := r.ask("udp", query)
	const truncated = 2 // in the third byte (RFC 1035, 4.1.1)
	if client == "tcp" && err == nil && len(reply) > 2 && reply[2]&truncated != 0 {
		if whole, tcpErr := r.ask("tcp", query); tcpErr == nil {
			reply = whole
		}
	}
	return reply, err == nil
}

func (r resolver) ask(network string, query []byte) ([]byte, error) {
	c, err := net.Dial(network, r.upstream)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	if network == "tcp" {
		if err := writeMessage(c, query); err != nil {
			return nil, err
		}
		return readMessage(c)
	}
	if _, err := c.Write(query); err != nil {
		return nil, err
	}
	reply := make([]byte, 4096)
	n, err := c.Read(reply)
	return reply[:n], err
}

func readMessage(r io.Reader) ([]byte, error) {
	var size uint16
	if err := binary.Read(r, binary.BigEndian, &size); err != nil {
		return nil, err
	}
	message := make([]byte, size)
	_, err := io.ReadFull(r, message)
	return message, err
}

func writeMessage(w io.Writer, message []byte) error {
	_, err := w.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(message))), message...))
	return err
}
