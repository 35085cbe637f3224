// proxy.go - what the front door is measured against: the same decision in Go, with nothing but its standard
// library's reverse proxy. The identity is believed of whoever knows the secret, looked up in dispatch.json (read
// again when it is another file), and the way goes to that port, without the identity, the secret and all
// cookies but t3's own. Before a document navigation the person's server is asked whether the session is alive,
// over connections that are kept; whose listener it is, it does not look at.
//
//	proxy -listen ADDRESS -people FILE -secret SECRET
package main

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"flag"
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

const (
	identityHeader = "X-Authentik-Username"
	secretHeader   = "X-Devvm-Proxy-Secret"
)

type person struct {
	User string `json:"os_user"`
	Port int    `json:"port"`
}

type people struct {
	rows     map[string]*url.URL
	modified time.Time
}

var current atomic.Value

func refresh(path string) error {
	stat, err := os.Stat(path)
	if err != nil {
		return err
	}
	if known, ok := current.Load().(*people); ok && known.modified.Equal(stat.ModTime()) {
		return nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var rows map[string]person
	if err := json.Unmarshal(text, &rows); err != nil {
		return err
	}
	next := &people{rows: map[string]*url.URL{}, modified: stat.ModTime()}
	for identity, row := range rows {
		next.rows[strings.ToLower(identity)] = &url.URL{Scheme: "http", Host: "127.0.0.1:" + strconv.Itoa(row.Port)}
	}
	current.Store(next)
	return nil
}

func ownCookies(request *http.Request) {
	cookies := request.Cookies()
	request.Header.Del("Cookie")
	for _, cookie := range cookies {
		if strings.HasPrefix(cookie.Name, "t3_session") {
			request.AddCookie(cookie)
		}
	}
}

// Whether the person's server takes the request's cookies for a session.
func isAlive(client *http.Client, target *url.URL, from *http.Request) bool {
	request, err := http.NewRequestWithContext(from.Context(), http.MethodGet, target.String()+"/api/auth/session", nil)
	if err != nil {
		return false
	}
	for _, cookie := range from.Cookies() {
		if strings.HasPrefix(cookie.Name, "t3_session") {
			request.AddCookie(cookie)
		}
	}
	response, err := client.Do(request)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, 65536))
	var said struct {
		Authenticated bool `json:"authenticated"`
	}
	return err == nil && json.Unmarshal(text, &said) == nil && said.Authenticated
}

type targetKey struct{}

func main() {
	listen := flag.String("listen", "127.0.0.1:3791", "")
	path := flag.String("people", "/etc/t3-serve/dispatch.json", "")
	secret := flag.String("secret", "", "")
	flag.Parse()

	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConns = 0
	transport.MaxIdleConnsPerHost = 1024
	transport.DisableCompression = true
	client := &http.Client{Transport: transport, Timeout: 3 * time.Second}
	proxy := &httputil.ReverseProxy{
		Transport: transport,
		Director: func(request *http.Request) {
			target := request.Context().Value(targetKey{}).(*url.URL)
			request.URL.Scheme, request.URL.Host = target.Scheme, target.Host
			request.Header.Del(identityHeader)
			request.Header.Del(secretHeader)
			ownCookies(request)
		},
	}
	handler := func(writer http.ResponseWriter, request *http.Request) {
		if subtle.ConstantTimeCompare([]byte(request.Header.Get(secretHeader)), []byte(*secret)) != 1 {
			http.Error(writer, "not by this way", http.StatusForbidden)
			return
		}
		if err := refresh(*path); err != nil {
			http.Error(writer, err.Error(), http.StatusBadGateway)
			return
		}
		names := request.Header.Values(identityHeader)
		if len(names) != 1 {
			http.Error(writer, "exactly one name", http.StatusBadRequest)
			return
		}
		local, _, _ := strings.Cut(names[0], "@")
		target := current.Load().(*people).rows[strings.ToLower(local)]
		if target == nil {
			http.Error(writer, "nobody", http.StatusForbidden)
			return
		}
		if request.Header.Get("Sec-Fetch-Dest") == "document" && !isAlive(client, target, request) {
			http.Error(writer, "no session", http.StatusUnauthorized)
			return
		}
		proxy.ServeHTTP(writer, request.WithContext(context.WithValue(request.Context(), targetKey{}, target)))
	}
	log.Fatal(http.ListenAndServe(*listen, http.HandlerFunc(handler)))
}
