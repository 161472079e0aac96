// Command bootstrap is a Lambda runtime and function for tests: the event says what it does.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

type event struct {
	Do    string
	Text  string
	Count int
}

var invocations int

func main() {
	if os.Getenv("FAIL_INIT") == "exit" {
		os.Exit(7)
	}
	api := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/"
	if os.Getenv("FAIL_INIT") == "report" {
		post(api+"init/error", `{"errorType":"Init.Broken","errorMessage":"no luck"}`)
		os.Exit(1)
	}
	for {
		r, err := http.Get(api + "invocation/next")
		if err != nil {
			panic(err)
		}
		body, _ := io.ReadAll(r.Body)
		r.Body.Close()
		id := r.Header.Get("Lambda-Runtime-Aws-Request-Id")
		var e event
		json.Unmarshal(body, &e)
		invocations++
		result, failed := do(e, r.Header, body)
		kind := "/response"
		if failed {
			kind = "/error"
		}
		post(api+"invocation/"+id+kind, result)
	}
}

func do(e event, h http.Header, body []byte) (string, bool) {
	switch e.Do {
	case "env":
		list := os.Environ()
		b, _ := json.Marshal(list)
		return string(b), false
	case "headers":
		b, _ := json.Marshal(h)
		return string(b), false
	case "error":
		return `{"errorType":"MyError","errorMessage":"as asked"}`, true
	case "exit":
		os.Exit(e.Count)
	case "panic":
		panic(e.Text)
	case "sleep":
		time.Sleep(time.Duration(e.Count) * time.Millisecond)
	case "print":
		fmt.Println(e.Text)
		fmt.Fprintln(os.Stderr, "to stderr")
	case "count":
		return strconv.Itoa(invocations), false
	case "big":
		return `"` + strings.Repeat("x", e.Count) + `"`, false
	case "spawn": // a child that would outlive its parent
		c := exec.Command("sleep", "300")
		c.Start()
		return strconv.Itoa(c.Process.Pid), false
	case "append": // leaves a mark in a file, then fails
		f, _ := os.OpenFile(e.Text, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		fmt.Fprintln(f, h.Get("Lambda-Runtime-Aws-Request-Id"))
		f.Close()
		return `{"errorType":"MyError","errorMessage":"again"}`, true
	}
	return string(body), false
}

func post(url, body string) {
	r, err := http.Post(url, "application/json", bytes.NewReader([]byte(body)))
	if err == nil {
		r.Body.Close()
	}
}
