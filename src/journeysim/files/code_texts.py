"""What every problem code means, in words: the code and its rule, why it holds, the cure, an example.

Kept as text because it is read more often than computed with; `codes` takes it apart.
"""

from typing import Final

TEXT: Final = """
J001 A file must be there and readable.
     why: Nothing can be said about it otherwise.
     cure: Check the path and your permission to read it.
J002 A journey or scenario file is at most 10 MB.
     why: These files are written by hand; a larger one is a mistake, and reading it could take all memory.
     cure: Put observed customers into an event log and name it with events.
J003 Files are UTF-8 text (a byte order mark is accepted).
     why: Other encodings turn letters into other letters without a sign.
     cure: Save the file again as UTF-8; the message names the first byte that is not.
J004 Files are YAML 1.2, without tags and merge keys.
     why: Everything else depends on it.
     cure: The message says what YAML expected, and where.
J005 Indent with spaces.
     why: YAML forbids tabs for indentation, because their width is not defined.
     cure: Replace the tab by spaces.
J006 A name stands once in its group.
     why: YAML readers keep one of two equal keys without a word, and which one differs.
     cure: Keep one of the two.
J007 A file holds at most 100,000 values, aliases written out, nested at most 50 deep.
     why: A few lines of nested aliases can stand for billions of values.
     cure: Write the values out, or split the file.
J008 A number has no leading zero.
     why: Some YAML readers take 010 for 8, some for 10, some for text.
     cure: Drop the zero, or quote it if it is a name: "010".
J009 A clock time is quoted.
     why: Some YAML readers take 12:30 for 750.
     cure: Write "12:30".
J010 A file is one group of settings.
     why: A list, an empty file or several documents in one file have no meaning here.
     cure: Start with journeysim: 1.
J011 Inside braces a comma separates settings.
     why: {arrivals: 3,000 per month} is read as arrivals 3 and a setting "000 per month".
     cure: Quote the number: "3,000 per month".
J012 A file says which format it has, and this journeysim knows it.
     why: A newer format may mean other things by the same words; nothing is run on a guess.
     cure: Update journeysim, or write journeysim: 1 if the file follows this format.
J013 Some settings cannot be left out.
     why: Without them the question has no answer.
     cure: Add the setting; the message gives an example.
J014 Only known settings are read.
     why: A misspelt setting that is silently ignored gives a wrong result.
     cure: Correct the name; the message suggests the nearest.
J015 Each setting has its shape: a text, a list, or settings of its own.
     cure: Write it in the shape the message names.
J016 Some settings take a word out of a list.
     cure: Choose one of the words in the message.
J020 A number, share, sum or time must be readable.
     cure: Write it as in the example of the message.
     example: 60% · 1/3 · EUR 180k · 2,600 per month · 5% to 15% · 12 of 80
J021 Numbers are finite.
     why: Nothing can be computed with NaN or infinity.
     cure: Write a number, or unlimited where an amount may be (staff, patience).
J022 A length of time has a unit.
     why: 3 could be days or hours: a factor of 24.
     cure: Write 3 days, 3 h or 3 min.
J023 Units of time are s, min, h, day, week, month and year.
     why: A month is 365.25 / 12 days, a year 365.25 days.
     cure: Use one of these.
J024 A scenario and its journey count in one currency.
     why: Sums of different currencies cannot be added, and rates change.
     cure: Convert, and note the rate in a comment.
J025 A sum of money names its currency in three letters.
     cure: Write EUR 45.
J026 A rate has a period; a single sum has none.
     why: 8 % a year and 8 % a month differ by a factor of 19 over a year.
     cure: Write per year, per month, per week or per day. Discount rates per month are converted to the
         effective yearly rate.
J027 The parts of a range, count or distribution fit together.
     why: A range is a 90 % range: 5 % below, 5 % above.
     cure: Lower end first; ends of a share strictly between 0 % and 100 %.
J029 A yes or no is written true or false (or yes, no).
     cure: Write true or false.
J030 A share lies between 0 % and 100 %, in every draw.
     cure: Correct it; for an uncertain share use a range, counts or a beta distribution.
J031 The shares of a touchpoint add up to 100 % (within a billionth), for each persona and tenure period.
     why: Every customer who leaves goes somewhere. Libraries silently give what is missing to the last
         link.
     cure: Change one share, or let one link take what the others leave.
     example: lost: rest
J032 A link leads to a touchpoint or outcome of the map.
     cure: Correct the name, or add the place.
J033 From every touchpoint customers come to, an outcome can be reached.
     why: Otherwise they can never leave, and every expected time is infinite.
     cure: Give one touchpoint of the loop a link to an outcome; people who just stop take a link to a
         silent outcome.
J034 Every touchpoint can be reached (warning).
     why: It changes nothing, and is usually a forgotten link.
     cure: Add the link, or remove the touchpoint.
J035 A loop takes time or can be left.
     why: Otherwise it turns for ever at one instant.
     cure: Add a dwell and a way out.
J036 Nothing leaves an outcome.
     why: An outcome ends a customer's journey.
     cure: For a win-back make it a touchpoint: one link is the win-back, another leads to the outcome.
J037 Persona shares add up to 100 %, also those an audience sets.
     why: The personas are all of the customers.
     cure: Change one, or write rest for one; in an audience leave one out, it takes what the others leave.
J038 Entry shares add up to 100 %, also those an audience sets.
     why: Every customer enters somewhere.
     cure: Change one, or write rest for one; in an audience leave one out, it takes what the others leave.
J039 Times are finite and not negative; a dwell that varies takes more than no time.
     cure: Correct the number or its unit.
J040 Touchpoints and outcomes have different names.
     why: Links name only the place they lead to.
     cure: Rename one.
J041 A name is one line without " -> ", and not a word with a meaning of its own.
     why: Links are written a -> b.
     cure: Choose another name.
J042 A persona that is named exists.
     cure: Correct the name, or add it under personas.
J043 A change edits something that is on the map.
     why: A change of something that is not there has no effect, and the difference would be 0 for the wrong
         reason.
     cure: Name a place or link of the map; changes apply in the order written.
J044 A link has a value and a cost, but no effort, feeling or price of a place.
     cure: Name the touchpoint.
J045 A resource that serves a touchpoint exists.
     cure: Describe it under resources.
J046 A new touchpoint has a new name.
     cure: Give it another name.
J047 Customers enter at a touchpoint of the map; a new touchpoint knows where it leads.
     cure: Correct the name, or say with next where customers go.
J048 A touchpoint is removed for everybody.
     why: Part of the customers would still need it.
     cure: For some personas, set the shares that lead to it.
J049 Inflow that is lost is lost to an outcome.
     cure: Name the outcome with lost to.
J050 Files that a scenario names lie inside its project folder.
     why: A scenario from elsewhere must not read other files of the computer.
     cure: Copy the file into the project, or mark the folder around both with an empty .journeysim.
J051 Files that a scenario names exist.
     cure: Correct the path; it is relative to the scenario file.
J052 A scenario rests on a calibration or on an event log, not both.
     cure: Keep one.
J053 A file is a journey or a scenario.
     cure: A journey has touchpoints, a scenario has a question and proposals.
J054 A proposal changes something (warning).
     why: Its arm is identical to today; every difference is exactly 0.
     cure: Add a change, or keep it as a test of the machinery.
J055 Changes of one proposal do not contradict each other.
     why: Which of them holds would depend on their order.
     cure: Drop one; the message names both lines.
J056 A test gives counts of both groups, and informs an odds ratio that was not certain before.
     why: What is known for certain stays as it is, whatever a test shows.
     cure: Give both counts; beside them the range you believed before the test, or no size.
     example: basis: {test: {control: 41 of 510, treated: 58 of 498}}
J057 A rule of succeed if is a chance of net benefit, or how far a metric there is should rise (+) or fall (-).
     why: A rule about a metric that nobody computes could never be met.
     cure: Correct the name; write points for shares, a sum for money, a time for days.
     example: P(net benefit > 0) >= 80% · conversion +2 points · churn -1 points · revenue +EUR 30
J058 A change starts with what it does.
     example: - change share: cart -> paid
J059 A change has one size, and its parts fit together.
     cure: Keep one of the sizes.
J060 A change keeps shares between 0 % and 100 % in every draw.
     why: A relative or absolute effect on a large share can push it out.
     cure: Use odds x, which cannot leave the range, or a smaller effect.
J061 The only link of a touchpoint cannot be lowered.
     why: There is no other link to take what it loses.
     cure: Reroute a part of it.
J062 At most four combinations of for, starts, ramp and decay per proposal.
     why: Each combination doubles the worlds to simulate.
     cure: Give some changes the same terms.
J063 No two names fall on one random address.
     why: Their customers would share their luck.
     cure: Rename one.
J070 A number lies within what it can mean.
     cure: The message names the limits.
J071 A stage that is named is listed under stages.
     cure: Correct the name, or add the stage.
J072 A resource can do the work asked of it, or waiting customers give up (warning).
     why: With a load above 1 and endless patience the queue grows without bound.
     cure: Add staff, shorten the time, open longer, or state the patience of customers.
J073 One link of a row takes the rest, and each target stands once.
     cure: Add the shares up, or state one of them.
J074 An elasticity says how strongly which link answers to a price (or value) that stays above 0.
     why: It multiplies odds by a power of new / old; from or to 0 there is no such ratio, and customers do not
         answer to what they do not see, such as the cost to the firm.
     cure: Give both elasticity and elasticity on, and a price above 0.
J075 The dwell of a link has one family for all personas and tenure periods.
     why: Personas borrow strength from each other; scales and shapes can differ, families cannot.
     cure: Give each statement the same family (a range is log-normal, a single time is fixed).
J076 Whoever is not served goes to another place of the map.
     why: Patience ends, a queue is full, or it is too long: these customers have to be somewhere.
     cure: Name an outcome or touchpoint with gives up to, in staffed by.
J077 The seasons of a map are months of the year or days of the week, of one link each stated once, with factors above 0.
     why: A season says how far odds or times are from their middle; two repeating calendars on one map would need every
         pair of month and weekday.
     cure: Keep one of the two calendars; state the season at the touchpoint's own link, not for one persona or period.
     example: season: {odds x: {Nov-Dec: 1.2 to 1.5, Feb: 0.8}}
J090 A report is written in a language there is.
     cure: Choose one of the languages in the message.
J091 A run never overwrites another.
     cure: Choose another name, or remove the folder yourself.
J092 A run's folder holds page.npz, what its page is made of, in a version this journeysim reads.
     why: The page is rendered again from it alone, so that nothing is computed anew.
     cure: Run the scenario again; the run gets a folder of its own.
J093 What a run kept for its page gives its results.json, number by number.
     why: Otherwise a page would show other numbers than the run found.
     cure: Run the scenario again.
J094 A page that is rendered again replaces no file but its run's own page.
     cure: Name another file, or remove that one yourself.
J095 Results are written inside the project folder.
     cure: Choose a folder inside it, or mark the folder around both with an empty .journeysim.
J096 Results are never written through a symbolic link.
     why: A link can lead anywhere on the computer.
     cure: Remove the link, or choose another folder.
J097 Results need a folder of their own.
     cure: Remove or rename what stands in the way, or choose another name.
J098 A stored run is complete and of a format this journeysim reads.
     cure: Run the scenario again.
J102 A picture over two numbers names two that one proposal rests on.
     why: The net benefit is drawn over both; each has to be an uncertain number, found by its name or a part of it.
     cure: Take names from the report's evidence ledger, or leave the setting out for the two that decide most.
C001 The dwell of a link has one family for all personas and tenure periods (see J075).
     cure: Give each statement the same family.
B001 A backtest starts after the log's first event.
     why: At the first date the map is fitted to what was known by then; without an event nothing was.
     cure: Give a later --from.
B002 A whole period lies between the first date and the end.
     why: A forecast can only be judged when its period is over.
     cure: Start earlier, or take shorter steps (--step week).
B003 Arrivals are forecast only where they are known.
     why: Neither the log so far nor the map says how many customers enter per day.
     cure: Start later, state arrivals in the map, or leave --arrivals known.
B004 A forecast is scored by whole months.
     why: A month that is not over yet would look like a bad one.
     cure: Give the run's day 0 as --from, or a longer log.
C010 Counted transitions name places and personas of the map.
     cure: Correct the name in the table or in the map.
C011 Counted moves are links of the map.
     cure: Add the link to the map, with the share people believe in.
E001 The event log exists.
     cure: Correct the path; it is relative to the scenario file.
E002 The event log has events.
     cure: Export it again; the message counts why rows were set aside.
E003 Column names are different.
     cure: Rename one in the export.
E004 An event log is UTF-8 text in columns (CSV, JSON lines), Parquet or XES; text also as .gz or .zst.
     cure: Export it again in one of these forms.
E005 The named columns exist and have a known role.
     cure: Correct the name, in --columns or under columns in the scenario file.
E006 An event log has a customer, a touchpoint and a time for each event.
     cure: Say which columns they are.
     example: columns: {customer: user_id, touchpoint: step, time: at}
E007 A quote that opens also closes.
     cure: Close it, or double a quotation mark that belongs to the text.
E008 All times are written alike, and unmistakably.
     why: 01/02/2026 can be January or February; guessing row by row mixes both.
     cure: Export times as 2026-02-01 13:45:00, or give the format.
     example: --time-format "%d/%m/%Y %H:%M"
E009 A number of seconds says whether it is seconds or milliseconds.
     cure: Export times as 2026-02-01 13:45:00, or give the unit.
     example: --epoch ms
E010 Touchpoints in the log are on the map.
     cure: Add them to the map, or correct the names.
E011 Outcomes in the log are on the map.
     cure: Add them to the map, or correct the names.
E012 Personas in the log are on the map.
     cure: Add them to the map, or correct the names.
E013 A map with several personas needs to know who is who in the log.
     cure: Name the column of the persona, or describe one persona.
E014 How late an event came is said once: as a number of days, or by the time it was due.
     cure: Name one of the two columns.
E015 A compressed log expands to at most 1 GB, or 100 times its size.
     why: A few kilobytes can stand for terabytes; nothing is expanded before this is known.
     cure: Expand the file yourself if you trust it.
E016 The files of one log have one form and the same columns.
     cure: Keep each log in a folder of its own.
E017 A time zone is one of the zones of the world.
     cure: Write it as region and city: Europe/Paris, America/New_York, or UTC.
E018 A number has a decimal point, unless the log says that it has a comma.
     why: 1,234 can be a bit more than one, or over a thousand.
     cure: Export numbers with a point, or give the mark.
     example: --decimal ,
E019 An XES log has no document type and no entities.
     why: Entities can expand without end, or fetch other files of the computer.
     cure: Remove the lines between <!DOCTYPE and ]>.
E020 A table of transitions has its columns.
     cure: Use the columns in the message.
E021 A transition says for whom, from where and to where.
     cure: Fill in the blank cell.
E022 A count is a positive number.
     cure: Correct it, or leave the row out.
E023 A dwell bin starts at 0 days or later and ends after it starts.
     cure: Correct the bin.
E024 Entering is a start, and being still open an end, of a transition.
     cure: Correct the row.
E030 No single customer makes up much of the log (warning).
     why: It may be a robot or a test account.
     cure: Leave it out if it is none of your customers.
E031 Few customers have events at the very same time (warning).
     why: Their order is taken from the file.
     cure: Export finer times.
E032 Where a number or a due time is given, it can be read (warning).
     why: The event itself is sound; only what rests on the number goes without it.
     cure: Correct the cells, or leave them blank.
E033 Negative values are refunds (warning).
     cure: Nothing, if they are; else correct them.
E034 A time without a zone falls into an hour that the clocks showed twice (warning).
     why: In autumn an hour comes twice; the log does not say which one it was.
     cure: Export times with their zone, or in UTC.
E070 A log that a map is proposed from has a touchpoint before its outcomes.
     cure: Name fewer outcomes with --outcome.
E071 An outcome that is named for a log occurs in it.
     cure: Correct the name; it is written as in the log.
E072 The names of a log can stand on a map: one line, without " -> ", and not a word with a meaning of its own.
     why: The map is calibrated on the same log, name by name.
     cure: Rename them on the way in.
E073 A proposed file never overwrites another unasked.
     cure: Choose another name, or say --overwrite.
E035 Nothing happens after an outcome (warning).
     why: An outcome ends a journey, so later events of that customer belong to none.
     cure: Say that customers come back, or take the outcome off the map if it ends nothing.
     example: reactivation: true
E036 A weight is a number above zero (warning).
     why: A customer cannot stand for nobody, or for less.
     cure: Correct the weights, or leave out the rows of customers who stand for nobody.
E037 In a log with weights every customer has one (warning).
     why: Customers without one count once, which is too little beside others who stand for many.
     cure: Give every customer a weight, on one of its rows at least.
E038 All rows of a customer have the same weight (warning).
     why: A weight says how many customers this one stands for; that does not change from row to row.
     cure: Repeat the same weight on all rows, or give it on the first one only.
E039 The last events of a log follow soon after the others (warning).
     why: The log counts as recorded up to its last event, so one placeholder such as 9999-12-31 makes everybody look silent.
     cure: Say until when events were recorded, or correct the times.
     example: cut off: 2026-01-31
E040 An engine that counts elsewhere has its library installed.
     why: Most people need only DuckDB, which is always there; the others are large.
     cure: Install the extra that the message names.
E041 A log is counted by an engine, and a query written in a dialect, that there is.
     cure: Correct the name; the message gives examples.
E074 A log has far fewer touchpoints than customers (warning).
     why: A column of ids makes every customer a map of their own.
     cure: Name the column that says what happened.
E075 Names that shape a log occur in it.
     why: A misspelt one would leave the log as it is without a word.
     cure: Correct the name; the message suggests the nearest.
E076 Options say how a file is read only where a file is.
     why: A table at an engine has times and numbers of its own.
     cure: Leave the options out that the message names; make a view there where its times are texts.
F001 Saved draws are where the scenario looks for them.
     cure: Calibrate again.
F002 Saved draws come with their manifest.
     cure: Calibrate again.
F003 Saved draws have a format this journeysim reads.
     cure: Calibrate again.
F004 Saved draws are as they were written.
     why: A file that was cut short would give wrong numbers without a sign.
     cure: Calibrate again.
F005 A calibration folder holds a table of transitions or saved draws.
     cure: Name the folder that does.
F006 Saved draws belong to this map.
     cure: Calibrate again, or use the map they were made for.
X001 An executor is one there is.
     why: It says where blocks of a run are computed; results have the same bits with each.
     cure: Choose one of those in the message.
X002 A cluster is reached through Dask, which is an extra.
     cure: Install the extra that the message names, here and on the workers.
X003 The scheduler of a cluster answers, and has a worker.
     cure: Start both, or correct the address; dask scheduler prints it.
X004 The workers of a cluster run the same journeysim and libraries as the command.
     why: Another release could give another last digit, and a run would depend on where it was made.
     cure: Install the same releases on all of them.
"""
