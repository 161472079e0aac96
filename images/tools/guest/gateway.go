package main

import (
	"errors"
	"io"
	"net"
)

// doors are the ports that the gateway forwards, and the sockets of the engine behind them. The engine speaks TLS
// behind the first, so the gateway never sees what is said.
var doors = map[string]string{
	":443": "/door/https.sock",
	":80":  "/door/http.sock",
}

// gateway answers DNS for the network and forwards what comes for AWS to the engine. It runs until it is killed.
func gateway() error {
	own, err := ownAddress()
	if err != nil {
		return err
	}
	failed := make(chan error)
	for address, socket := range doors {
		listener, err := net.Listen("tcp", address)
		if err != nil {
			return err
		}
		go func() { failed <- accept(listener, func(c net.Conn) { relay(c, socket) }) }()
	}
	names := resolver{gateway: own, upstream: "127.0.0.11:53"} // docker's own DNS
	packets, err := net.ListenPacket("udp4", ":53")
	if err != nil {
		return err
	}
	go func() { failed <- names.servePackets(packets) }()
	streams, err := net.Listen("tcp4", ":53")
	if err != nil {
		return err
	}
	go func() { failed <- accept(streams, names.serveStream) }()
	return <-failed
}

// ownAddress is this container's address on the sandbox's network.
func ownAddress() ([4]byte, error) {
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return [4]byte{}, err
	}
	for _, a := range addresses {
		if n, ok := a.(*net.IPNet); ok && !n.IP.IsLoopback() && n.IP.To4() != nil {
			return [4]byte(n.IP.To4()), nil
		}
	}
	return [4]byte{}, errors.New("this container has no IPv4 address")
}

func accept(l net.Listener, serve func(net.Conn)) error {
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		go serve(c)
	}
}

// relay copies both ways between c and socket, and hands on each side's end of data on its own.
func relay(c net.Conn, socket string) {
	defer c.Close()
	engine, err := net.Dial("unix", socket)
	if err != nil {
		return
	}
	defer engine.Close()
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		_, _ = io.Copy(engine, c)
		_ = engine.(*net.UnixConn).CloseWrite()
	}()
	_, _ = io.Copy(c, engine)
	_ = c.(*net.TCPConn).CloseWrite()
	<-sent
}
