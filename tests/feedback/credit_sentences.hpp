#pragma once
// What users say of earlier replies, and what only sounds like it, with the turn that is meant. Written as people
// write, before and without a look at the rules that read them. "Now" is Saturday 2026-11-28, 15:00 UTC.

#include <cstdint>
#include <vector>

namespace clawrl::test {

struct PastTurnText {
  std::int64_t id;
  const char* time;  // ISO, UTC
  const char* asked;
  const char* replied;
};

inline const std::vector<PastTurnText> history = {
    {1, "2026-11-16T09:10:00Z", "My back hurts after sitting all day, what can I do?",
     "Try a standing desk and stretch your hip flexors every hour. Strengthen the core twice a week."},
    {2, "2026-11-17T19:00:00Z", "Can you suggest a vegetarian chili recipe?",
     "Use black beans, sweet potato, smoked paprika and a square of dark chocolate; simmer for 40 minutes."},
    {3, "2026-11-19T08:30:00Z", "How do I resolve a merge conflict in git?",
     "Run git status, edit the files between the markers, git add them and commit."},
    {4, "2026-11-22T11:00:00Z", "Recommend a quiet restaurant in Lyon for our anniversary dinner",
     "Le Jardin d'Hiver has a courtyard; ask for the table by the fountain."},
    {5, "2026-11-23T08:00:00Z", "I can't fall asleep at night, any tips?",
     "Keep the bedroom cool, put screens away after ten and read something dull on paper."},
    {6, "2026-11-23T20:15:00Z", "Write a regex that matches ISO dates",
     "\\d{4}-\\d{2}-\\d{2} matches dates like 2026-11-23."},
    {7, "2026-11-24T10:00:00Z", "My sourdough starter does not rise any more",
     "Feed it with rye flour and keep it at 26 degrees for three days."},
    {8, "2026-11-25T14:20:00Z", "My docker container cannot reach postgres on localhost",
     "Put both into one compose network and use the service name as host."},
    {9, "2026-11-26T16:45:00Z", "Draft an email to my landlord about the broken heating",
     "Dear Mr Keller, the heating in our flat has been out of order since Monday ..."},
    {10, "2026-11-27T09:30:00Z", "How do I get a red wine stain out of the carpet?",
     "Blot it, then cover it with baking soda and a little white vinegar."},
    {11, "2026-11-27T18:00:00Z", "Plan a workout for my shoulders",
     "Three sets of overhead press, lateral raises and face pulls."},
    {12, "2026-11-28T08:15:00Z", "Explain the quadratic formula to a 14-year-old",
     "It finds where a parabola crosses the axis; complete the square to see why."},
    {13, "2026-11-28T12:50:00Z", "My printer prints only blank pages",
     "Run the nozzle cleaning twice and check that the tape is off the cartridge."},
    {14, "2026-11-28T14:58:00Z", "How do I sort a list of dictionaries in python?",
     "sorted(items, key=lambda d: d['name']) gives a new list."},  // the reply right before the sentence
};

struct CreditSentence {
  const char* text;
  std::int64_t turn;  // 0 = nothing may be credited
  int vote = 1;
};

inline const std::vector<CreditSentence> sentences = {
    // -- dated, one turn in question
    {"Your tip from Wednesday worked!", 8},
    {"your advice on tuesday was spot on, the starter doubled overnight", 7},
    {"The email you wrote on Thursday did the trick: he sent a plumber.", 9},
    {"By the way, what you told me on Wednesday about docker worked perfectly.", 8},
    {"Tuesday's suggestion didn't help at all, the starter is still flat.", 7, -1},
    {"The docker fix from Wednesday did not work.", 8, -1},
    {"Hey, that restaurant you recommended on Sunday was wonderful. Thank you!", 4},
    {"The restaurant from Sunday was a disaster, way too loud.", 4, -1},
    {"btw your wednesday answer solved it", 8},
    {"FYI the landlord mail from Thursday worked, the heating is back.", 9},
    {"What you suggested three days ago solved my postgres problem.", 8},
    {"4 days ago you told me to feed my starter rye flour. It worked!", 7},
    {"The answer you gave me on 2026-11-25 was correct.", 8},
    {"Your suggestion of November 24 was useless.", 7, -1},
    // -- dated, the topic decides
    {"Yesterday's stain trick worked like a charm, the carpet is clean again.", 10},
    {"The wine stain is gone, your advice from yesterday worked great.", 10},
    {"yesterday you gave me a shoulder workout and it was great, no pain today", 11},
    {"The shoulder workout from yesterday was way too hard, it made things worse.", 11, -1},
    {"Baking soda and vinegar like you said yesterday - that ruined my carpet.", 10, -1},
    {"Your sleep tips from Monday really helped, I slept eight hours.", 5},
    {"The regex you gave me on Monday was wrong, it also matches 9999-99-99.", 6, -1},
    {"the regex from monday works fine in production now", 6},
    {"Putting the screens away as you suggested on Monday has helped a lot with falling asleep.", 5},
    {"This morning's explanation of the quadratic formula worked, my son finally got it.", 12},
    {"The nozzle cleaning you suggested earlier today fixed the printer.", 13},
    {"Earlier today you told me to clean the nozzles. That did not fix the printer.", 13, -1},
    {"Your printer advice from two hours ago worked.", 13},
    {"The chili recipe from last week was delicious!", 2},
    {"I made the chili you recommended last week and everybody loved it.", 2},
    {"Last week's git instructions worked, the merge went through.", 3},
    {"What you told me last week about my back has helped a lot.", 1},
    {"The stretches from last Monday made my back feel so much better.", 1},
    {"The git advice you gave me last Thursday was wrong, I lost my changes.", 3, -1},
    {"11 days ago you gave me a chili recipe, it turned out great.", 2},
    {"the standing desk idea from two weeks ago was a good one, my back is fine now", 1},
    {"I followed your advice from yesterday about the carpet and it worked.", 10},
    {"I tried yesterday's workout and my shoulders hurt even more, bad plan.", 11, -1},
    {"We went to the place in Lyon you recommended last Sunday, it was perfect.", 4},
    {"Update: the compose network from Wednesday solved the postgres issue.", 8},
    {"Good news! The vinegar thing you told me yesterday got the stain out.", 10},
    {"Sadly the nozzle cleaning from this morning's chat, sorry, from noon, did not help.", 0},
    // -- undated or vague, the topic decides
    {"The chili recipe you gave me was a hit with the whole family.", 2},
    {"The restaurant in Lyon that you recommended was fantastic.", 4},
    {"Remember the sourdough advice you gave me? It worked, the starter rises again.", 7},
    {"The docker network trick you told me about the other day worked.", 8},
    {"Last time you told me how to resolve the merge conflict, and it worked.", 3},
    {"A while ago you suggested a standing desk for my back. Best advice ever.", 1},
    {"Your carpet stain method with baking soda did not work, the stain is bigger now.", 10, -1},
    {"The email to my landlord that you drafted worked, the heating is fixed.", 9},
    {"The shoulder workout you planned for me was excellent.", 11},
    {"The sleep tips you gave me did nothing, I am still awake at three.", 5, -1},
    // -- in passing, with another request
    {"Your tip from Wednesday worked. Now postgres says password authentication failed, what next?", 8},
    {"Thanks for the mail on Thursday, it worked! Can you write one to the bank too?", 9},
    {"The chili from last week was great. Do you have a dessert that goes with it?", 2},
    {"Since your advice from Tuesday worked so well for my starter: how do I bake with it?", 7},
    // -- two could be meant, or none: unsure
    {"Your tip from Monday worked!", 0},
    {"Yesterday's recommendation worked.", 0},
    {"What you told me yesterday was great.", 0},
    {"your advice from last week worked", 0},
    {"Your tip from Saturday two weeks ago worked.", 0},
    {"The lasagna recipe from yesterday was delicious.", 0},
    {"Your chess opening advice from Wednesday worked.", 0},
    {"It worked!", 0},
    {"Great advice as always.", 0},
    {"You were right.", 0},
    // -- about the reply right before
    {"Thanks, that worked!", 0},
    {"Perfect, the sorted call works.", 0},
    {"The lambda you just gave me worked.", 0},
    {"Great, your answer solved it. Thank you!", 0},
    {"That didn't work, I get a KeyError.", 0},
    {"Your python code works, thanks a lot!", 0},
    {"No, this is wrong.", 0},
    {"Nice, exactly what I needed today.", 0},
    {"The sorting code you wrote works but is slow.", 0},
    {"ok your last answer was correct, next question", 0},
    {"That was helpful. Yesterday I spent hours on this.", 0},
    {"Thanks! This works much better than what I had yesterday.", 0},
    // -- questions
    {"Did your tip from Wednesday work for others too?", 0},
    {"What was your tip from Monday?", 0},
    {"Would the docker advice from Wednesday also work on Windows?", 0},
    {"Do you remember what you told me on Tuesday about the starter?", 0},
    {"Is it normal that your sleep tips from Monday worked only for two nights?", 0},
    {"Why did the regex from Monday work in python but not in grep?", 0},
    {"Can I use the chili recipe from last week for ten people?", 0},
    {"Was your advice from Wednesday correct?", 0},
    {"your tip from Wednesday worked?", 0},
    {"How well did the stain trick from yesterday work on wool, do you know?", 0},
    // -- hypotheticals, wishes, the future
    {"If your tip from Wednesday works, I owe you one.", 0},
    {"I hope your advice from Tuesday works.", 0},
    {"I will try your stain trick from yesterday tonight.", 0},
    {"Suppose the docker advice from Wednesday had worked, what would the log say?", 0},
    {"I would have been happy if yesterday's workout had worked.", 0},
    {"Let me know whether the regex from Monday works with years before 1000.", 0},
    {"I'm going to test Wednesday's suggestion later, maybe it works.", 0},
    {"It would be great if the mail from Thursday worked.", 0},
    {"I wonder if your sleep tips from Monday helped or it was the wine.", 0},
    {"I'm not sure whether your advice from Tuesday worked.", 0},
    {"I haven't tried your tip from Wednesday yet.", 0},
    {"Assuming that your tip from Wednesday worked, what is the next step?", 0},
    {"Unless Wednesday's advice worked, I have to reinstall.", 0},
    // -- quotes and other people's words
    {"My colleague wrote: \"Your tip from Wednesday worked!\" What should I answer?", 0},
    {"Translate into French: Your tip from Wednesday worked.", 0},
    {"She said 'your advice from Tuesday was great' and hung up.", 0},
    {"Write a short story that begins with: the advice from Wednesday worked.", 0},
    {"Rewrite this sentence: the docker fix from Wednesday did not work", 0},
    {"The customer says your regex from Monday was wrong, but I disagree.", 0},
    {"Correct my English: \"yesterday you gave me a shoulder workout and it was great\"", 0},
    {"> your tip from Wednesday worked\nWhat does this mail mean?", 0},
    {"Summarize this review: The restaurant from Sunday was wonderful.", 0},
    {"Is \"your advice from tuesday was spot on\" good English?", 0},
    // -- others' advice and deeds
    {"My doctor's advice from Monday worked.", 0},
    {"The fix I wrote on Wednesday worked.", 0},
    {"My sister gave me a chili recipe last week and it was delicious.", 0},
    {"I fixed the docker problem on Wednesday.", 0},
    {"The plumber came on Thursday and the heating works again.", 0},
    {"Our team's deployment from yesterday worked.", 0},
    {"The recipe from my grandmother's book that I cooked last week was great.", 0},
    {"On Tuesday the starter was fine, today it is dead.", 0},
    {"Yesterday was great, I slept well.", 0},
    {"The printer worked this morning.", 0},
    {"The restaurant where we ate on Sunday was great, my wife found it online.", 0},
    {"Stack Overflow's answer from Wednesday worked.", 0},
    // -- requests and talk without an outcome
    {"Repeat your advice from Wednesday please.", 0},
    {"Show me the regex from Monday again.", 0},
    {"I am still thinking about your tip from Monday.", 0},
    {"Yesterday you suggested a workout. Make it shorter.", 0},
    {"You said on Tuesday that I should use rye flour. Which brand?", 0},
    {"Send me the mail from Thursday once more, I lost it.", 0},
    {"Thanks for the tip on Wednesday.", 0},
    {"I read the chili recipe from last week again.", 0},
    {"Compare your advice from Tuesday with this article.", 0},
    {"The mail from Thursday needs a better subject line.", 0},
    {"Extend the regex from Monday so that it works with times too.", 0},
    {"Make sure that the workout from yesterday works for beginners.", 0},
};

}  // namespace clawrl::test
