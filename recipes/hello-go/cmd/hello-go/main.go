// Command hello-go is a small HTTP service that does what services in containers do: it reads
// files, answers requests, calls another service over HTTPS, keeps a little state, and stops when
// it is told to. It needs nothing from the image but its own binary and the certificates that
// SSL_CERT_FILE names, which crypto/x509 finds by itself.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode"

	"github.com/go-chi/chi/v5"
)

const (
	greetingFile    = "/etc/hello/greeting.txt"
	defaultGreeting = "hello from go\n"
	staticDir       = "/srv/static"
	noteFile        = "/var/lib/hello/note.txt"
	noteLimit       = 4 << 10

	fetchTimeout = 5 * time.Second
	fetchLimit   = 64 << 10 // of a longer upstream body, only the beginning is passed on

	// How long requests in progress may take to finish after SIGTERM.
	shutdownTimeout = 200 * time.Millisecond
)

func main() {
	port := flag.Uint("port", 8080, "the TCP port to listen on; 0 picks a free one")
	flag.Parse()
	if flag.NArg() > 0 || *port > 65535 {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(*port); err != nil {
		fmt.Fprintln(os.Stderr, "hello-go:", err)
		os.Exit(1)
	}
}

func run(port uint) error {
	// First of all, so that no signal is missed.
	stop, restore := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer restore()

	greeting, err := loadGreeting()
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp4", fmt.Sprintf("0.0.0.0:%d", port))
	if err != nil {
		return err
	}
	fmt.Println("listening on", listener.Addr())

	server := &http.Server{
		Handler:           routes(greeting),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      10 * time.Second,
		IdleTimeout:       time.Minute,
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()

	select {
	case err := <-failed:
		return err
	case <-stop.Done():
	}

	// Short requests may finish; returning from main cuts off the rest.
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}

func routes(greeting []byte) http.Handler {
	router := chi.NewRouter()
	router.NotFound(notFound)
	router.MethodNotAllowed(notFound)
	router.Get("/", func(w http.ResponseWriter, r *http.Request) {
		text(w, http.StatusOK, greeting)
	})
	router.Get("/healthz", func(w http.ResponseWriter, r *http.Request) {
		text(w, http.StatusOK, []byte("ok\n"))
	})
	router.Get("/fetch", fetch)
	router.Get("/note", readNote)
	router.Put("/note", writeNote)
	static := http.FileServerFS(os.DirFS(staticDir))
	router.Get("/static/*", http.StripPrefix("/static", static).ServeHTTP)
	return router
}

func loadGreeting() ([]byte, error) {
	greeting, err := os.ReadFile(greetingFile)
	if errors.Is(err, fs.ErrNotExist) {
		return []byte(defaultGreeting), nil
	}
	return greeting, err
}

// client speaks HTTPS only, to hosts whose certificate it can check, and through no proxy.
var client = &http.Client{
	Timeout: fetchTimeout,
	Transport: &http.Transport{
		DialContext:         dial,
		ForceAttemptHTTP2:   true,
		MaxIdleConns:        16,
		IdleConnTimeout:     30 * time.Second,
		TLSHandshakeTimeout: fetchTimeout,
	},
	CheckRedirect: func(r *http.Request, via []*http.Request) error {
		if r.URL.Scheme != "https" {
			return errors.New("redirected to a URL that is not https")
		}
		if len(via) >= 10 {
			return errors.New("redirected too often")
		}
		return nil
	},
}

// dial knows what localhost is (RFC 6761) even where no /etc/hosts says so, as in a bare scratch
// image.
func dial(ctx context.Context, network, address string) (net.Conn, error) {
	if host, port, err := net.SplitHostPort(address); err == nil && strings.EqualFold(host, "localhost") {
		address = net.JoinHostPort("127.0.0.1", port)
	}
	var dialer net.Dialer
	return dialer.DialContext(ctx, network, address)
}

// fetch makes the request that ?url= asks for. An example: a real service would not let its callers
// choose the host.
func fetch(w http.ResponseWriter, r *http.Request) {
	status, body, err := get(r.Context(), r.URL.Query().Get("url"))
	if err != nil {
		text(w, http.StatusBadGateway, oneLine(err))
		return
	}
	w.Header().Set("X-Upstream-Status", strconv.Itoa(status))
	text(w, http.StatusOK, body)
}

func get(ctx context.Context, url string) (status int, body []byte, err error) {
	if url == "" {
		return 0, nil, errors.New("the url parameter is missing")
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, nil, err
	}
	if request.URL.Scheme != "https" {
		return 0, nil, fmt.Errorf("not an https URL: %q", url)
	}
	response, err := client.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	body, err = io.ReadAll(io.LimitReader(response.Body, fetchLimit))
	return response.StatusCode, body, err
}

// readNote and writeNote keep a line of text in the one folder that this service can write. Without
// that folder, as in a plain scratch image, they answer 404 and 500, and all else works.
func readNote(w http.ResponseWriter, r *http.Request) {
	note, err := os.ReadFile(noteFile)
	if err != nil {
		notFound(w, r)
		return
	}
	text(w, http.StatusOK, note)
}

func writeNote(w http.ResponseWriter, r *http.Request) {
	note, err := io.ReadAll(http.MaxBytesReader(w, r.Body, noteLimit))
	if err != nil {
		text(w, http.StatusBadRequest, oneLine(err))
		return
	}
	if err := os.WriteFile(noteFile, note, 0o600); err != nil {
		text(w, http.StatusInternalServerError, oneLine(err))
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func notFound(w http.ResponseWriter, r *http.Request) {
	text(w, http.StatusNotFound, []byte("not found\n"))
}

func text(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that went away is not this service's problem
}

// oneLine replaces line breaks and other control characters: messages may quote what the caller or
// the upstream sent.
func oneLine(err error) []byte {
	line := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, err.Error())
	return []byte(line + "\n")
}
