// Markup: none. Tells the server the browser's time zone in a cookie, for times on pages and in emails.

const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const cookie = `time_zone=${zone}`;
if (zone && !document.cookie.split("; ").includes(cookie)) {
  const secure = location.protocol === "https:" ? "; secure" : "";
  document.cookie = `${cookie}; path=/; max-age=31536000; samesite=lax${secure}`;
}
