// The door's decision in a reverse proxy of Go's standard library, to compare with: the secret in constant
// time, exactly one identity, its port from dispatch.json, and what a person's server must not see is
// taken away. It knows neither navigations nor pairing.
//
//	door_go LISTEN DISPATCH-JSON SECRET
package main

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"os"
	"strings"
	"time"
)

type targetKey struct{}

var stripped = []string{
	"Authorization", "Proxy-Authorization", "X-Devvm-Proxy-Secret", "X-Authentik-Username",
	"X-Authentik-Email", "X-Authentik-Name", "X-Authentik-Groups", "X-Authentik-Entitlements",
	"X-Authentik-Uid", "X-Authentik-Jwt",
}

func sessionCookies(header []string) string {
	var kept []string
	for _, line := range header {
		for _, cookie := range strings.Split(line, ";") {
			cookie = strings.TrimSpace(cookie)
			if strings.HasPrefix(cookie, "t3_session") {
				kept = append(kept, cookie)
			}
		}
	}
	return strings.Join(kept, "; ")
}

func main() {
	var people map[string]struct {
		Port int `json:"port"`
	}
	listen, path, secret := os.Args[1], os.Args[2], []byte(os.Args[3])
	text, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(text, &people)
	}
	if err != nil {
		log.Fatal(err)
	}
	hosts := make(map[string]string, len(people))
	for identity, person := range people {
		hosts[identity] = fmt.Sprintf("127.0.0.1:%d", person.Port)
	}
	proxy := &httputil.ReverseProxy{
		Director: func(r *http.Request) {
			r.URL.Scheme, r.URL.Host = "http", r.Context().Value(targetKey{}).(string)
			cookies := sessionCookies(r.Header["Cookie"])
			for _, name := range stripped {
				r.Header.Del(name)
			}
			r.Header.Set("Cookie", cookies)
			r.Header["X-Forwarded-For"] = nil
		},
		Transport: &http.Transport{
			DialContext:         (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
			MaxIdleConns:        0,
			MaxIdleConnsPerHost: 1024,
			DisableCompression:  true,
		},
	}
	handler := func(w http.ResponseWriter, r *http.Request) {
		said := r.Header["X-Devvm-Proxy-Secret"]
		who := r.Header["X-Authentik-Username"]
		if len(said) != 1 || subtle.ConstantTimeCompare([]byte(said[0]), secret) != 1 {
			http.Error(w, "not by this way", http.StatusForbidden)
			return
		}
		if len(who) != 1 {
			http.Error(w, "exactly one user name", http.StatusBadRequest)
			return
		}
		identity, _, _ := strings.Cut(who[0], "@")
		host, known := hosts[identity]
		if !known {
			http.Error(w, "not on the list", http.StatusForbidden)
			return
		}
		proxy.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), targetKey{}, host)))
	}
	log.Fatal(http.ListenAndServe(listen, http.HandlerFunc(handler)))
}
