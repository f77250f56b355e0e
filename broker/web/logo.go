package web

import (
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/maypok86/otter/v2"
	"golang.org/x/sync/singleflight"

	"cloakroom/broker"
	"cloakroom/broker/fault"
)

// Logos serves realms' logos from here, so that a sign-in page makes no request to anybody else (contract, section 6): a
// logo's host would learn who signs in when.
type Logos struct {
	HTTP   *http.Client // the guarded client
	Now    func() time.Time
	kept   *otter.Cache[string, logo]
	flight singleflight.Group
}

// logo is one that was fetched; without data it is one that could not be.
type logo struct {
	contentType string
	data        []byte
}

// maxLogo is how large a logo may be; a hundred of them are kept.
const maxLogo = 256 << 10

// NewLogos makes an empty shelf of logos.
func NewLogos(client *http.Client, now func() time.Time) *Logos {
	return &Logos{HTTP: client, Now: now, kept: otter.Must(&otter.Options[string, logo]{
		MaximumSize: 100, ExpiryCalculator: otter.ExpiryWriting[string, logo](15 * time.Minute),
	})}
}

// logoURL is where a page finds the logo: a data: URL as it is, any other through us. The version makes a changed one
// another address.
func logoURL(r *broker.Realm) string {
	if r.Branding.LogoURL == "" || strings.HasPrefix(r.Branding.LogoURL, "data:") {
		return r.Branding.LogoURL
	}
	return fmt.Sprintf("/realms/%s/logo?v=%d", r.Name, r.Version)
}

func (w *Web) logo(c *gin.Context) {
	ctx := c.Request.Context()
	r, err := w.Realms.Realm(ctx, c.Param("realm"))
	if err != nil || w.Logos == nil || !strings.HasPrefix(r.Branding.LogoURL, "http") {
		c.Status(http.StatusNotFound)
		return
	}
	l, err := w.Logos.get(ctx, r.Branding.LogoURL)
	if err != nil {
		w.Log.InfoContext(ctx, "no logo", "realm", r.Name, "error", err)
		c.Status(http.StatusNotFound)
		return
	}
	h := c.Writer.Header()
	h.Set("Cache-Control", "public, max-age=3600")
	// An SVG may hold scripts; opened by itself it runs none.
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox")
	c.Data(http.StatusOK, l.contentType, l.data)
}

func (ls *Logos) get(ctx context.Context, address string) (logo, error) {
	if l, ok := ls.kept.GetIfPresent(address); ok {
		if l.data == nil {
			return l, fault.New(fault.FetchFormat, "not to be had a moment ago")
		}
		return l, nil
	}
	v, err, _ := ls.flight.Do(address, func() (any, error) {
		l, err := ls.fetch(context.WithoutCancel(ctx), address)
		ls.kept.Set(address, l)
		return l, err
	})
	l, _ := v.(logo)
	return l, err
}

// fetch reads an image. The type that the host names decides how browsers will read it (nosniff).
func (ls *Logos) fetch(ctx context.Context, address string) (logo, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return logo{}, err
	}
	res, err := ls.HTTP.Do(req)
	if err != nil {
		return logo{}, err
	}
	defer res.Body.Close()
	t, _, err := mime.ParseMediaType(res.Header.Get("Content-Type"))
	if err != nil || !slices.Contains([]string{"image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/svg+xml"}, t) || res.StatusCode != http.StatusOK {
		return logo{}, fault.New(fault.FetchFormat, "status %d, type %q", res.StatusCode, t)
	}
	b, err := io.ReadAll(io.LimitReader(res.Body, maxLogo+1))
	if err == nil && len(b) > maxLogo {
		err = fault.New(fault.FetchTooLarge, "a logo is at most %d bytes", maxLogo)
	}
	if err != nil {
		return logo{}, err
	}
	return logo{t, b}, nil
}
