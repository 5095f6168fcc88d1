/** Where the device is. Every reason why it cannot be told is one Chinese sentence, with what to do instead. */

const INSTEAD = "请直接写出位置：哪个街道或社区、哪条路";
const REASONS = {
  1: `您没有允许定位。要用就在浏览器的设置里允许；不用也行，${INSTEAD}`,
  2: `没有定到位置。${INSTEAD}`,
  3: `定位太慢，没有等到。可以再点一次，或${INSTEAD}`,
};

/** @returns {Promise<{lat: number, lng: number, accuracy: number}>} WGS-84; rejects with an Error that says why not */
export function locate() {
  if (!window.isSecureContext) return Promise.reject(new Error(`这个网页不是 https，浏览器不让定位。${INSTEAD}`));
  if (!navigator.geolocation) return Promise.reject(new Error(`这个浏览器不能定位。${INSTEAD}`));
  return new Promise((resolve, reject) => {
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => resolve({ lat: coords.latitude, lng: coords.longitude, accuracy: coords.accuracy }),
      ({ code }) => reject(new Error(REASONS[code] ?? REASONS[2])),
      { enableHighAccuracy: true, timeout: 15_000, maximumAge: 60_000 },
    );
  });
}
